import { liveServers, makeResolver } from "#dns";
import { connectTcp } from "#net";
import type { TlsPolicy } from "#smtp/client";
import type { Surroundings } from "./candidates.ts";
import { DeadHosts } from "./dead-hosts.ts";
import { makeIsOwn } from "./own-addresses.ts";
import { SessionPool } from "./session-pool.ts";
import { type RemoteSettings, remoteSettings, tlsPolicyOf } from "./settings.ts";
import type { SignOutgoing } from "./sign-outgoing.ts";
import { signerOf } from "./signer.ts";

/** What a remote delivery works with. One for all deliveries of a process. */
export type RemoteWorld = Surroundings & {
  /** What signs our messages, for where `settings` says that they are signed. */
  readonly signer: () => Promise<SignOutgoing>;
  /** Throws ControlError when a control file cannot be read. */
  readonly settings: () => RemoteSettings;
  readonly deadHosts: DeadHosts;
  readonly pool: SessionPool;
  /** By the server's name, or its address if it has none. Throws ControlError. */
  readonly tlsPolicy: (host: string) => TlsPolicy;
  /** Takes a log line; left out: nobody reads it. */
  readonly log?: (line: string) => void;
  /** The network's edge. */
  readonly connect: typeof connectTcp;
};

/** The real world of a home: its control files, its DNS servers, this machine's addresses. `pool.close()` ends it. */
export function openWorld(home: string): RemoteWorld {
  const settings = remoteSettings(home);
  return {
    settings,
    signer: signerOf(home),
    resolver: makeResolver({ servers: liveServers(home) }),
    isOwn: makeIsOwn(() => ({ more: settings().moreOwn, less: settings().lessOwn })),
    random: Math.random,
    deadHosts: new DeadHosts(() => Date.now() / 1000),
    pool: new SessionPool(),
    tlsPolicy: (host) => tlsPolicyOf(home, host),
    connect: connectTcp,
  };
}
