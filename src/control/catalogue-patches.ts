import { binary, type Facts, flag, list, number, text, value } from "./control-file.ts";
import { checkAddressOrHost, checkDomainOrSuffix, checkHost } from "./entry-checks.ts";

/** A file of a well-known patch (spec 3.5, 11) that nothing here reads yet; whoever builds it in fills `usedBy`. */
const patch = (meaning: string, example: string, check?: Facts["check"]): Facts => ({
  meaning,
  example,
  usedBy: [],
  reload: "live",
  since: "patch",
  ...(check === undefined ? {} : { check }),
});

/** Files of widespread patches, so that an existing installation's control folder is understood, and judged honestly. */
export const patchFiles = {
  badhelo: list(null, patch("HELO names that are refused.", "localhost")),
  badmailfrompatterns: list(null, patch("Patterns of envelope senders that are refused; ! allows.", "*@spam.example")),
  badmailpatterns: list(null, patch("Patterns of envelope senders that are refused; ! allows.", "*@spam.example")),
  badrcptpatterns: list(null, patch("Patterns of recipients that are refused; ! allows.", "*%*@*")),
  badrcpttopatterns: list(null, patch("Patterns of recipients that are refused; ! allows.", "*%*@*")),
  goodrcptto: list(null, patch("Recipients exempt from junk checks.", "abuse@example.com", checkAddressOrHost)),
  "validrcptto.cdb": binary(patch("Recipients that exist, compiled.", "(binary)")),
  relaymailfrom: list(null, patch("Envelope senders that may relay.", "@example.com", checkAddressOrHost)),
  mfcheck: flag(false, patch("Whether the sender's domain must exist in DNS.", "1")),
  nodnscheck: list(null, patch("Senders exempt from mfcheck.", "@example.com", checkAddressOrHost)),
  dnsbllist: list(null, patch("DNS block lists asked about each client.", "zen.example.org")),
  spfbehavior: number(0, patch("What is done with SPF results, 0 (nothing) to 6.", "1")),
  spfrules: value(null, patch("SPF rules of one's own, tried before a domain's last.", "include:example.org")),
  spfguess: value(null, patch("SPF rules for domains without a record.", "v=spf1 a/24 mx/24 ?all")),
  spfexp: value(null, patch("The text of an SPF refusal.", "See http://spf.example.org/")),
  "servercert.pem": text(null, patch("The SMTP server's certificates and key.", "-----BEGIN CERTIFICATE-----")),
  "clientcert.pem": text(null, patch("The certificate shown to SMTP servers.", "-----BEGIN CERTIFICATE-----")),
  "clientca.pem": text(null, patch("Authorities whose client certificates count.", "-----BEGIN CERTIFICATE-----")),
  tlsclients: list(null, patch("Mail addresses in client certificates that may relay.", "joe@example.com")),
  tlsserverciphers: value(null, patch("Ciphers of the SMTP server.", "HIGH:!aNULL")),
  tlsclientciphers: value(null, patch("Ciphers of the SMTP client.", "HIGH:!aNULL")),
  bouncelifetime: number(604_800, patch("Seconds a bounce may stay in the queue.", "86400")),
  holdlocal: flag(false, patch("Whether local mail is kept in the queue.", "1")),
  holdremote: flag(false, patch("Whether remote mail is kept in the queue.", "1")),
  maxhops: number(100, patch("How many hosts a message may have passed.", "100")),
  srs_domain: value(null, patch("The domain of rewritten senders (SRS).", "srs.example.com", checkHost)),
  srs_secrets: list(null, patch("Secrets of rewritten senders, the first one signs.", "s3cret")),
  batvkey: value(null, patch("The secret of tagged bounce addresses (BATV).", "s3cret")),
  extraqueue: list(null, patch("Further recipients of every message, as it is queued.", "log@example.com")),
  mailarchive: list(null, patch("Rules that name archive recipients.", "F:.*:archive@example.com")),
  relaydomains: list(null, patch("Client names that may relay.", ".example.com", checkDomainOrSuffix)),
};
