import { lowerAscii, utf8ToByteString } from "#bytes";
import { findHome, readSetting } from "#control";
import { callerOrigin, posterFor } from "#inject";
import type { Origin } from "#mail";
import type { Program } from "#process";
import { type QmtpHouse, serveQmtp } from "#qmtp";
import { mayReceive, type RelayRules, searchMoreRcptHosts } from "#smtp";
import { traceLineFrom, underAlarm, writeReply } from "./netstring-session.ts";

/** qmail-qmtpd: receives mail by QMTP on stdin and stdout (spec 2.17). Run by tcpserver, port 209. */
export const main: Program = (call) =>
  underAlarm(call, async () => {
    const home = findHome(call.env);
    const poster = await posterFor(call.env, home);
    const origin: Origin = { ...callerOrigin(), invoker: "network" };
    const rules = relayRules(home);
    const { RELAYCLIENT: relayClient } = call.env;
    const house: QmtpHouse = {
      post: (envelope) => poster.post(envelope, origin),
      allows: (recipient) => mayReceive(rules, recipient),
      relayClient: relayClient === undefined ? null : utf8ToByteString(relayClient),
      dataBytes: dataBytes(home, call.env.DATABYTES),
      traceLine: () => traceLineFrom(call.env, "QMTP", new Date()),
      now: () => new Date(),
      qp: process.pid,
    };
    try {
      await serveQmtp(call.stdin, (reply) => writeReply(call, reply), house);
    } finally {
      await poster.close();
    }
  });

function relayRules(home: string): RelayRules {
  const listed = readSetting(home, "rcpthosts");
  return {
    controls: {
      rcptHosts: listed === null ? null : new Set(listed.map(lowerAscii)),
      openRelay: readSetting(home, "openrelay"),
    },
    inMoreRcptHosts: searchMoreRcptHosts(home),
  };
}

/** DATABYTES beats the control file; no digits are no limit. */
function dataBytes(home: string, variable: string | undefined): number {
  if (variable === undefined) return readSetting(home, "databytes");
  return Number(/^[0-9]*/.exec(variable)?.[0]);
}
