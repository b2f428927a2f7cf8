import { liveServers, makeResolver } from "#dns";
import { connectTcp } from "#net";
import type { RemoteWorld } from "./attempt.ts";
import { DeadHosts } from "./dead-hosts.ts";
import { makeIsOwn } from "./own-addresses.ts";
import { SessionPool } from "./session-pool.ts";
import { remoteSettings, tlsPolicyOf } from "./settings.ts";

/** The real world of a home: its control files, its DNS servers, this machine's addresses. `pool.close()` ends it. */
export function openWorld(home: string): RemoteWorld {
  const settings = remoteSettings(home);
  return {
    settings,
    resolver: makeResolver({ servers: liveServers(home) }),
    isOwn: makeIsOwn(() => ({ more: settings().moreOwn, less: settings().lessOwn })),
    random: Math.random,
    deadHosts: new DeadHosts(() => Date.now() / 1000),
    pool: new SessionPool(),
    tlsPolicy: (host) => tlsPolicyOf(home, host),
    connect: connectTcp,
  };
}
