import { displayText } from "#bytes";
import type { TcpRule } from "#net";
import type { Facts } from "./facts.ts";

type Change = readonly [name: string, value: string | undefined];

const names = ["LOCALIP", "LOCALPORT", "LOCALHOST", "REMOTEIP", "REMOTEPORT", "REMOTEHOST", "REMOTEINFO"] as const;

function under(prefix: string, facts: Facts): readonly Change[] {
  const values = [
    facts.localIp,
    String(facts.localPort),
    facts.localHost,
    facts.remoteIp,
    String(facts.remotePort),
    facts.remoteHost,
    facts.remoteInfo,
  ];
  return names.map((name, at) => [prefix + name, values[at]]);
}

/** How a connection is told to the program: plain TCP, or TLS (`PROTO=SSL`), then with the TCP variables too if they are wanted. */
export type Protocol = { readonly tls: boolean; readonly alsoTcp: boolean };

export const plainTcp: Protocol = { tls: false, alsoTcp: true };

/**
 * The UCSPI environment of a connection: PROTO and TCPLOCALIP ... TCPREMOTEINFO; for an IPv6 peer PROTO=TCP6 and TCP6LOCALIP ... beside
 * them; under TLS PROTO=SSL and SSLLOCALIP .... What is undefined is to be removed, even if it was inherited.
 */
function ucspiChanges(facts: Facts, { tls, alsoTcp }: Protocol): readonly Change[] {
  const isV6 = facts.remoteIp.includes(":");
  const none: readonly Change[] = names.map((name) => [`TCP6${name}`, undefined]);
  const scope = /%(.+)$/.exec(facts.remoteIp)?.[1];
  return [
    ["PROTO", tls ? "SSL" : isV6 ? "TCP6" : "TCP"],
    ...(tls ? under("SSL", facts) : []),
    ...(alsoTcp ? under("TCP", facts) : names.map((name): Change => [`TCP${name}`, undefined])),
    ...(isV6 && alsoTcp ? under("TCP6", facts) : none),
    ["TCP6INTERFACE", scope],
  ];
}

/** `base` with changes made; it stays as it is. */
function changed(base: NodeJS.ProcessEnv, changes: readonly Change[]): NodeJS.ProcessEnv {
  const env = { ...base };
  for (const [name, value] of changes) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  return env;
}

/** The environment of a connection's program: `base`, then what is known of the connection. */
export function ucspiEnvironment(
  base: NodeJS.ProcessEnv,
  facts: Facts,
  protocol: Protocol = plainTcp,
): NodeJS.ProcessEnv {
  return changed(base, ucspiChanges(facts, protocol));
}

/** An environment with what a rule changes in it. */
export function underRule(env: NodeJS.ProcessEnv, { changes }: TcpRule): NodeJS.ProcessEnv {
  if (changes.length === 0) return env;
  return changed(
    env,
    changes.map(([name, value]) => [displayText(name), value === null ? undefined : displayText(value)]),
  );
}
