/** The manuals of what proves who sent a message: DKIM keys, DNS records. */
import type { Manual } from "../manual.ts";

export const manuals: readonly Manual[] = [
  {
    name: "quail dkim",
    section: 8,
    purpose: "make and rotate DKIM keys, and print their DNS records",
    synopsis: [
      "quail dkim new DOMAIN [ --only rsa|ed25519 ] [ --selector NAME ]",
      "quail dkim rotate DOMAIN [ --after HOURS ] [ --only rsa|ed25519 ] [ --selector NAME ]",
      "quail dkim show [ DOMAIN ] [ --json ]",
    ],
    description: [
      "new makes a pair of keys for DOMAIN, RSA of 2048 bits and Ed25519, enters them into control/dkimsign, and prints the TXT records to publish. From the next delivery on, our mail to other hosts with an author of DOMAIN, or of a name below it, carries a signature of each.",
      "rotate makes new ones that begin to sign after an overlap; until then those of before go on. Publish the new records at once; show tells how long the old ones must stay.",
      "Ours is what was injected on this host, sent by somebody who logged in, or came from control/dkimnetworks; what is only forwarded is not signed in its author's name. The private keys can be read by the signing service alone, which comes with the next start when control/dkimsign is new. While a key cannot be used, mail that it should sign waits.",
    ],
    options: [
      ["--after HOURS", "The overlap: when the new keys begin to sign and the old ones stop; 48 unless told."],
      ["--only rsa|ed25519", "One key instead of two."],
      ["--selector NAME", "The first part of the selectors, to which r or e is added; usually made from the day."],
      ["--json", "For programs."],
    ],
    environment: [["QUAIL_HOME", "The home. Otherwise /var/qmail, or the folder var of the checkout."]],
    files: [
      ["control/dkimsign", "Which keys sign for which domain, from when until when."],
      ["dkim/DOMAIN/SELECTOR.pem", "A private key, mode 0600."],
      ["dkim/DOMAIN/SELECTOR.txt", "What its DNS record says."],
    ],
    exitCodes: [
      ["0", "done"],
      ["1", "there are no keys to show"],
      ["100", "called wrongly"],
      ["111", "trouble; standard error says which"],
    ],
    seeAlso: ["quail dns", "qmail-control"],
  },
  {
    name: "quail dns",
    section: 8,
    purpose: "the DNS records a mail domain needs, and whether they are right",
    synopsis: ["quail dns DOMAIN [ --check ] [ --json ]"],
    description: [
      "Prints the records as a zone file has them: MX, SPF, a key for each DKIM selector that signs or will, DMARC, TLS reporting, MTA-STS, TLSA for the certificate in control/servercert.pem where that can be read, SRV and autoconfig; before each whether it must, should or may be there, and what for.",
      "With --check it asks DNS (the servers of control/dnsservers or /etc/resolv.conf) and says of each whether it is ok, missing or wrong, and how; of our own name also whether its addresses lead back to it.",
    ],
    options: [
      ["--check", "Ask DNS."],
      ["--json", "For programs."],
    ],
    environment: [["QUAIL_HOME", "The home. Otherwise /var/qmail, or the folder var of the checkout."]],
    exitCodes: [
      ["0", "done; with --check: all that must or should be there is right"],
      ["1", "something that must or should be there is missing or wrong"],
      ["100", "called wrongly"],
      ["111", "DNS did not answer, or other trouble; standard error says which"],
    ],
    seeAlso: ["quail dkim", "qmail-control"],
  },
];
