/** What TLS costs a server: sessions that connect, say EHLO, STARTTLS, and EHLO again, with a whole handshake each. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { keyPem, makeKey, selfSign } from "#tls";
import type { Contender } from "../peers/server.ts";
import { figure, spread } from "../report/statistics.ts";
import { freshFolder } from "../stage.ts";
import { type Case, inTurn, type Setting } from "./case.ts";
import { medianOf } from "./median-of.ts";
import { warmUp, withServer } from "./with-server.ts";

type Sessions = {
  readonly perSecond: number;
  /** The server's CPU for one session, in milliseconds. */
  readonly cpuMs: number;
};

/** Sessions at once: enough to keep both processors busy. */
const atOnce = 20;
const answerMs = 30_000;

/** The end of an SMTP reply. */
async function reply(socket: Socket): Promise<void> {
  const signal = AbortSignal.timeout(answerMs);
  for (let text = ""; !/^[0-9]{3} .*\r\n/m.test(text); ) text += String((await once(socket, "data", { signal }))[0]);
}

async function session(port: number): Promise<void> {
  const plain = connect(port, "127.0.0.1");
  await reply(plain);
  for (const line of ["EHLO bench.test", "STARTTLS"]) {
    plain.write(`${line}\r\n`);
    await reply(plain);
  }
  const secure = connectTls({ socket: plain, rejectUnauthorized: false });
  await once(secure, "secureConnect", { signal: AbortSignal.timeout(answerMs) });
  for (const line of ["EHLO bench.test", "QUIT"]) {
    secure.write(`${line}\r\n`);
    await reply(secure);
  }
  secure.on("error", () => {}); // It has said goodbye.
  secure.destroy();
}

async function sessions(port: number, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await session(port);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** A certificate and its key in a file, P-256 as both servers would get it today. */
function layCertificate(work: string): string {
  const key = makeKey();
  const [notBefore, notAfter] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 86_400_000)];
  const path = join(freshFolder(work, "tls"), "certificate.pem");
  writeFileSync(path, keyPem(key) + selfSign({ names: ["bench.test"], key, notBefore, notAfter }), { mode: 0o600 });
  return path;
}

function measure(contender: Contender, { work, small }: Setting): Promise<Sessions> {
  const count = small ? 200 : 2_000;
  return withServer(contender, work, { relays: {}, tls: layCertificate(work) }, async (served) => {
    await warmUp(served);
    const { port } = served.server;
    await sessions(port, count / 4);
    const [cpu, startedAt] = [served.cpu(), performance.now()];
    await sessions(port, count);
    const seconds = (performance.now() - startedAt) / 1000;
    const now = served.cpu();
    const used = now.user + now.system - cpu.user - cpu.system;
    return { perSecond: count / seconds, cpuMs: (used / count) * 1000 };
  });
}

export const tls: Case = {
  name: "tls",
  title: "TLS sessions per second",
  minutes: (runs) => 0.4 * runs,
  async run(setting) {
    const results = await inTurn(setting, ["Quail", "Postfix"], (contender) => measure(contender, setting));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, "-"];
      const cpu = medianOf(results, name, "cpuMs");
      return [name, spread(runs.map(({ perSecond }) => perSecond)), cpu === null ? "-" : figure(cpu)];
    });
    return {
      table: { heads: ["server", "sessions/s", "CPU ms a session"], rows },
      notes: [
        `2,000 sessions, ${atOnce} at once: connect, EHLO, STARTTLS, a whole handshake (P-256, TLS 1.3), EHLO, QUIT. The client is one Node process, and`,
        `most of what limits sessions/s; the CPU is the server's alone. ${setting.runs} runs.`,
      ],
      data: Object.fromEntries(results),
    };
  },
};
