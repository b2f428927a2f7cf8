/** What `quail cert get` was asked for, kept so that `quail cert renew` can ask for it again. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { keyPem, makeKey } from "#tls";
import { acmeFolder, isName, writeAcmeFile } from "./files.ts";

export type Order = {
  readonly names: readonly [string, ...string[]];
  readonly by: "http" | "tls" | "dns";
  /** Where the challenge's listener is; null for dns. */
  readonly port: number | null;
  /** A program that lays DNS records; null: a person does. */
  readonly hook: string | null;
  readonly server: string;
  readonly mail: string | null;
  /** A file with the authorities to trust as the server; null: the usual ones. */
  readonly ca: string | null;
  /** The next certificate keeps the key (for who publishes it in TLSA records). */
  readonly keepsKey: boolean;
};

const fileOf = (order: Order): string => `${order.names[0].replace("*", "_")}.json`;

export function keepOrder(home: string, order: Order): void {
  writeAcmeFile(home, fileOf(order), `${JSON.stringify(order, null, 2)}\n`);
}

/** A record as it was kept; null if somebody has made something else of it. */
function parseOrder(text: string): Order | null {
  const order = JSON.parse(text) as Partial<Order>;
  const { names, by, server } = order;
  if (!Array.isArray(names) || names.length === 0 || !names.every(isName)) return null;
  return typeof server === "string" && (by === "http" || by === "tls" || by === "dns") ? (order as Order) : null;
}

/** Every order of the home, by file; null for one that cannot be read. */
export function keptOrders(home: string): readonly (readonly [file: string, order: Order | null])[] {
  const folder = acmeFolder(home);
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^[^.].*\.json$/.test(name))
        .sort()
    : [];
  return files.map((file) => {
    try {
      return [file, parseOrder(readFileSync(join(folder, file), "utf8"))];
    } catch (error) {
      if (error instanceof SyntaxError) return [file, null];
      throw error;
    }
  });
}

/** The key of our account at a server; made when there is none yet. */
export function accountKeyFor(home: string, server: string): KeyObject {
  const file = `account-${new URL(server).host.replace(/[^a-z0-9.-]/g, "_")}.pem`;
  const path = join(acmeFolder(home), file);
  if (existsSync(path)) return createPrivateKey(readFileSync(path));
  const key = makeKey();
  writeAcmeFile(home, file, keyPem(key));
  return key;
}
