import { chmodSync, chownSync, existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { readSetting } from "#control";

/** Nobody vouches for it, so nobody is helped by its end. */
const lifeMs = 10 * 365 * 24 * 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;
/** What a DNS name may hold. */
const plainName = /^(?=.{1,253}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/**
 * control/servercert.pem for a home that has none: a certificate that nobody vouches for, so that TLS is spoken from the first start on.
 * Its key is the owner's; `readers` is a group that may read it too.
 */
export async function makeFirstCertificate(home: string, readers: number | null): Promise<void> {
  const path = join(home, "control", "servercert.pem");
  if (existsSync(path)) return;
  const { keyPem, makeKey, selfSign } = await import("#tls");
  const named = [readSetting(home, "me") ?? "localhost", "localhost", hostname()].filter((name) =>
    plainName.test(name),
  );
  const names = [...new Set([...named, "127.0.0.1", "::1"])] as [string, ...string[]];
  const key = makeKey();
  const now = Date.now();
  const pem = selfSign({ names, key, notBefore: new Date(now - dayMs), notAfter: new Date(now + lifeMs) });
  writeFileSync(path, pem + keyPem(key), { mode: 0o600, flag: "wx" });
  if (readers === null) return;
  chownSync(path, process.getuid?.() ?? 0, readers);
  chmodSync(path, 0o640);
}
