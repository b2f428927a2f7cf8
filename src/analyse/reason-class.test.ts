import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonClass, remoteFacts } from "./index.ts";

const rows: readonly (readonly [reason: string, kind: string])[] = [
  ["Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/", "connection"],
  ["Connected_to_192.0.2.1_but_connection_died._(#4.4.2)/", "connection"],
  ["CNAME_lookup_failed_temporarily._(#4.4.3)/", "dns"],
  ["Sorry,_I_couldn't_find_any_host_named_x._(#5.1.2)/", "dns"],
  ["Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/", "mailbox"],
  ["192.0.2.1_does_not_like_recipient./Remote_host_said:_550_5.1.1_<x@y>/Giving_up_on_192.0.2.1./", "mailbox"],
  ["192.0.2.1_does_not_like_recipient./Remote_host_said:_450_4.2.0_Greylisted/Giving_up_on_192.0.2.1./", "greylist"],
  ["192.0.2.1_does_not_like_recipient./Remote_host_said:_451-4.7.1_patience/", "greylist"],
  ["192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_550_5.7.1_no/", "policy"],
  ["192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_554_looks_like_spam/", "policy"],
  ["192.0.2.1_does_not_like_recipient./Remote_host_said:_452_4.2.2_over_quota/", "quota"],
  ["192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_552_5.3.4_too_big/", "size"],
  ["This_message_is_looping:_it_already_has_my_Delivered-To_line._(#5.4.6)/", "loop"],
  ["Uh-oh:_home_directory_is_writable._(#4.7.0)/", "greylist"],
  ["Unable_to_chdir_to_maildir._(#4.3.0)/", "local"],
  ["report_mangled", "mangled"],
  ["TLS_handshake_failed/", "tls"],
  ["who_knows/", "other"],
];

test("reasons are sorted into classes by their words and by their status codes [L-056]", () => {
  for (const [reason, kind] of rows) assert.equal(reasonClass(reason), kind, reason);
});

test("the other host's address and its TLS are found in a report, IPv6 as well as IPv4 [L-057]", () => {
  const facts: readonly (readonly [reason: string, ip: string | null, tls: string | null, cipher: string | null])[] = [
    ["192.0.2.1_accepted_message./Remote_host_said:_250_ok/", "192.0.2.1", null, null],
    ["2001:db8::9_accepted_message./", "2001:db8::9", null, null],
    ["Connected_to_2001:DB8::1_but_sender_was_rejected./", "2001:db8::1", null, null],
    ["x_said_no/Giving_up_on_198.51.100.7./", "198.51.100.7", null, null],
    [
      "192.0.2.1_accepted_message._TLSv1.2_ECDHE-RSA-AES256-GCM-SHA384/",
      "192.0.2.1",
      "1.2",
      "ECDHE-RSA-AES256-GCM-SHA384",
    ],
    [
      "[2001:db8::9]_accepted_message_over_TLS_1.3_TLS_AES_256_GCM_SHA384/",
      "2001:db8::9",
      "1.3",
      "TLS_AES_256_GCM_SHA384",
    ],
    ["did_1+0+0/", null, null, null],
    ["999.1.1.1_accepted_message./", null, null, null],
  ];
  for (const [reason, ip, tls, cipher] of facts) {
    const found = remoteFacts(reason);
    assert.equal(found?.ip ?? null, ip, reason);
    if (found !== null)
      assert.deepEqual([found.tls, found.cipher, found.family], [tls, cipher, ip?.includes(":") ? 6 : 4]);
  }
});
