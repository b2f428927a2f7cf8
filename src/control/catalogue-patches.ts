import { binary, type Facts, flag, list, number, value } from "./control-file.ts";
import { checkAddressOrHost, checkDomainOrSuffix, checkHost } from "./entry-checks.ts";

/**
 * Makes entries for files of a well-known patch (spec 3.5, 11) that nothing here reads, for this reason. Whoever builds a patch in
 * moves its files to where they are read, with `usedBy`.
 */
const because =
  (unread: string) =>
  (meaning: string, example: string, check?: Facts["check"]): Facts => ({
    meaning,
    example,
    usedBy: [],
    unread,
    reload: "live",
    since: "patch",
    ...(check === undefined ? {} : { check }),
  });

const junk = because("junk control is not built in yet");
const rewriting = because("rewritten senders are not built in yet");
const copying = because("copies of all mail are not built in; a program named by QMAILQUEUE can make them");
const ldap = because("accounts of LDAP come through the system's name service (nsswitch.conf)");

/** Files of widespread patches, so that an existing installation's control folder is understood, and judged honestly. */
export const patchFiles = {
  goodrcptto: list(null, junk("Recipients exempt from junk checks.", "abuse@example.com", checkAddressOrHost)),
  "validrcptto.cdb": binary(
    because("recipients are looked up where they live (control/rcptcheck)")(
      "Recipients that exist, compiled.",
      "(binary)",
    ),
  ),
  relaymailfrom: list(null, junk("Envelope senders that may relay.", "@example.com", checkAddressOrHost)),
  mfcheck: flag(false, junk("Whether the sender's domain must exist in DNS.", "1")),
  nodnscheck: list(null, junk("Senders exempt from mfcheck.", "@example.com", checkAddressOrHost)),
  dnsbllist: list(null, junk("DNS block lists asked about each client.", "zen.example.org")),
  spfbehavior: number(0, junk("What is done with SPF results, 0 (nothing) to 6.", "1")),
  spfrules: value(null, junk("SPF rules of one's own, tried before a domain's last.", "include:example.org")),
  spfguess: value(null, junk("SPF rules for domains without a record.", "v=spf1 a/24 mx/24 ?all")),
  spfexp: value(null, junk("The text of an SPF refusal.", "See http://spf.example.org/")),
  bouncelifetime: number(
    604_800,
    because("bounces wait as long as other mail does (control/queuelifetime)")(
      "Seconds a bounce may stay in the queue.",
      "86400",
    ),
  ),
  maxhops: number(100, because("the limit is 100, as in qmail")("How many hosts a message may have passed.", "100")),
  srs_domain: value(null, rewriting("The domain of rewritten senders (SRS).", "srs.example.com", checkHost)),
  srs_secrets: list(null, rewriting("Secrets of rewritten senders, the first one signs.", "s3cret")),
  batvkey: value(null, rewriting("The secret of tagged bounce addresses (BATV).", "s3cret")),
  extraqueue: list(null, copying("Further recipients of every message, as it is queued.", "log@example.com")),
  mailarchive: list(null, copying("Rules that name archive recipients.", "F:.*:archive@example.com")),
  ldapserver: value(null, ldap("LDAP servers that know the users.", "ldap.example.com")),
  ldapbasedn: value(null, ldap("Where in LDAP the users are.", "o=example")),
  ldaplogin: value(null, ldap("The name to log in to LDAP with.", "cn=mail")),
  ldappassword: value(null, ldap("The password to log in to LDAP with.", "s3cret")),
  relaydomains: list(null, junk("Client names that may relay.", ".example.com", checkDomainOrSuffix)),
};
