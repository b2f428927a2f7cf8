import { findHome } from "#control";
import { callerOrigin, posterFor } from "#inject";
import type { Origin } from "#mail";
import type { Program } from "#process";
import { serveQmqpPackage } from "#qmtp";
import { traceLineFrom, underAlarm, writeReply } from "./netstring-session.ts";

/**
 * qmail-qmqpd: takes one message by QMQP on stdin and stdout (spec 2.17), for anybody and from anybody: tcp rules must say
 * who may connect. Run by tcpserver, port 628.
 */
export const main: Program = (call) =>
  underAlarm(call, async () => {
    const poster = await posterFor(call.env, findHome(call.env));
    const origin: Origin = { ...callerOrigin(), invoker: "network" };
    try {
      const reply = await serveQmqpPackage(call.stdin, {
        post: (envelope) => poster.post(envelope, origin),
        traceLine: () => traceLineFrom(call.env, "QMQP", new Date()),
        now: () => new Date(),
        qp: process.pid,
      });
      await writeReply(call, reply);
    } finally {
      await poster.close();
    }
  });
