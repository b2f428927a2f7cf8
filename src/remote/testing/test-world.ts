import type { TestContext } from "node:test";
import { makeResolver } from "#dns";
import { startTestDns, type TestDns, type TestZone } from "#dns/testing";
import type { Address, DeliveryJob, MessageSource } from "#mail";
import { connectTcp } from "#net";
import { type ScriptedServer, startScripted, type TestTls } from "#smtp/client/testing";

import { DeadHosts } from "../dead-hosts.ts";
import { SessionPool } from "../session-pool.ts";
import type { RemoteSettings } from "../settings.ts";
import type { RemoteWorld } from "../world.ts";

/** What answers at an address: a script for each connection, or how connecting fails. */
export type TestHost = readonly string[] | "timeout" | "refused" | "unreachable";

/** The part of the world a test wants otherwise. */
export type Change = {
  readonly zone?: TestZone;
  /** By address as qmail-remote sees it (192.0.2.1, every port of it) or address and port (192.0.2.1:209). */
  readonly hosts?: Readonly<Record<string, TestHost>>;
  readonly routes?: Readonly<Record<string, string>>;
  readonly qmtpRoutes?: Readonly<Record<string, string>>;
  readonly own?: readonly string[];
  readonly random?: () => number;
  readonly settings?: Partial<RemoteSettings>;
  readonly tls?: TestTls | null;
};

export type TestWorld = RemoteWorld & {
  readonly dns: TestDns;
  readonly servers: ReadonlyMap<string, ScriptedServer>;
  /** `192.0.2.1:25` for each connection tried, and ` from ADDRESS` if it was bound to one. */
  readonly tried: string[];
  readonly clock: { seconds: number };
  readonly connectTimeouts: number[];
};

/** A world whose DNS is a zone, whose network is a table of scripted servers, and whose clock stands. */
export async function testWorld(t: TestContext, change: Change = {}): Promise<TestWorld> {
  const dns = await startTestDns(change.zone ?? {});
  const servers = new Map<string, ScriptedServer>();
  for (const [address, host] of Object.entries(change.hosts ?? {}))
    if (typeof host !== "string") servers.set(address, await startScripted(host, change.tls ?? null));
  const clock = { seconds: 1_000_000 };
  const tried: string[] = [];
  const connectTimeouts: number[] = [];
  const pool = new SessionPool(200);
  t.after(async () => {
    pool.close();
    await Promise.all([dns.close(), ...[...servers.values()].map((server) => server.close())]);
  });
  const settings: RemoteSettings = {
    helo: "me.test",
    routes: {
      smtp: new Map(Object.entries(change.routes ?? {})),
      qmtp: new Map(Object.entries(change.qmtpRoutes ?? {})),
    },
    bindings: { byDestination: new Map(), bySender: new Map(), usual: null },
    isGreetingFinal: false,
    connectTimeoutMs: 10_000,
    ioTimeoutMs: 10_000,
    moreOwn: [],
    lessOwn: [],
    transactionRecipients: 50,
    wantsTls: true,
    tlsManner: { identity: null, ciphers: null },
    signs: false,
    ...change.settings,
  };
  return {
    dns,
    servers,
    tried,
    clock,
    connectTimeouts,
    settings: () => settings,
    signer: () => Promise.reject(new Error("this world signs nothing")),
    resolver: makeResolver({ servers: () => [dns], timeoutsMs: [100, 100] }),
    isOwn: (address) => (change.own ?? []).includes(address),
    random: change.random ?? (() => 0.999),
    deadHosts: new DeadHosts(
      () => clock.seconds,
      () => 0,
    ),
    pool,
    tlsPolicy: () => ({ kind: "opportunistic" }),
    connect(to, timeoutMs) {
      tried.push(`${to.host}:${to.port}${to.from === undefined ? "" : ` from ${to.from}`}`);
      connectTimeouts.push(timeoutMs);
      const exact = `${to.host}:${to.port}`;
      const host = change.hosts?.[exact] ?? change.hosts?.[to.host] ?? "unreachable";
      const server = servers.get(exact) ?? (change.hosts?.[exact] === undefined ? servers.get(to.host) : undefined);
      if (server !== undefined) return connectTcp({ host: "127.0.0.1", port: server.port }, timeoutMs);
      return Promise.resolve({ kind: host as "timeout" | "refused" | "unreachable", reason: "test" });
    },
  };
}

/** A message as the queue hands it over: whole, or in pieces when `large`. */
export function source(text: string, large = false): MessageSource {
  const bytes = Buffer.from(text, "latin1");
  return {
    sizeBytes: bytes.length,
    whole: large ? null : bytes,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** One remote delivery job. */
export function job(recipient: string, message: MessageSource = source("Subject: x\n\nhi\n")): DeliveryJob {
  return {
    queueId: 17,
    bornAtMs: 1_000_000_000,
    index: 0,
    sender: "joe@here.test" as Address,
    recipient: recipient as Address,
    again: false,
    awaited: false,
    route: null,
    message,
  };
}

/** A server's part up to MAIL, without extensions; then the given lines. */
export const talk = (...lines: readonly string[]): string =>
  ["S: 220 mx", "C: EHLO me.test", "S: 250 mx", ...lines].join("\n");

/** A server that takes everything. */
export const willing = talk(
  "C: *",
  "S: 250 ok",
  "C: *",
  "S: 250 ok",
  "C: DATA",
  "S: 354 go",
  "MESSAGE",
  "S: 250 taken",
);
