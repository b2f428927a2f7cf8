import { execFile } from "node:child_process";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { makeKey } from "#tls";
import { dnsSolver, httpSolver, obtain, type Solver, tlsSolver } from "#tls/acme";
import { certPath, layCertificate, readLaid } from "./files.ts";
import { accountKeyFor, type Order } from "./orders.ts";

/** A program that lays a record may wait until every server has it. */
const hookMs = 10 * 60_000;

/** How a person is asked for a DNS record: shown what is wanted, and waited for; false if nobody is there. */
export type AskForRecord = (name: string, value: string) => Promise<boolean>;

/** Runs `HOOK present|remove NAME VALUE`. */
function runHook(hook: string, verb: "present" | "remove", name: string, value: string): Promise<void> {
  return new Promise((done, failed) => {
    execFile(hook, [verb, name, value], { timeout: hookMs }, (error, _stdout, stderr) => {
      if (error === null) done();
      else failed(new Error(`${hook} ${verb} ${name}: ${stderr.trim() || error.message}`));
    });
  });
}

function solverFor({ by, port, hook }: Order, host: string | null, askForRecord: AskForRecord): Solver {
  const where = { port: port ?? 0, ...(host === null ? {} : { host }) };
  if (by === "http") return httpSolver(where);
  if (by === "tls") return tlsSolver(where);
  if (hook !== null) {
    return dnsSolver(
      ({ name, value }) => runHook(hook, "present", name, value),
      ({ name, value }) => runHook(hook, "remove", name, value),
    );
  }
  return dnsSolver(
    async ({ name, value }) => {
      if (!(await askForRecord(name, value))) throw new Error(`nobody laid the record ${name}`);
    },
    async () => {}, // The person was told that it may go.
  );
}

/** The key of the certificate that is there, if it is to be kept. */
function keyFor(home: string, { names, keepsKey }: Order): KeyObject {
  const { identity } = keepsKey ? readLaid(certPath(home, names[0])) : { identity: null };
  return identity === null ? makeKey() : createPrivateKey(identity.key);
}

/** Gets a certificate and lays it; what it returns is its path. Throws why not, nothing changed. `host`: where challenges' listeners are. */
export async function getCertificate(
  home: string,
  order: Order,
  host: string | null,
  askForRecord: AskForRecord,
): Promise<string> {
  const { server, mail, names, ca } = order;
  const authorities = ca === null || !existsSync(ca) ? null : readFileSync(ca, "latin1");
  if (ca !== null && authorities === null) throw new Error(`${ca} is not there`);
  const solver = solverFor(order, host, askForRecord);
  const accountKey = accountKeyFor(home, server);
  const pem = await obtain({ server, accountKey, mail, names, key: keyFor(home, order), solver, authorities });
  return layCertificate(home, names, pem);
}

/** Whether two thirds of a certificate's life are over, or it is of no use any more. */
export function isDue(home: string, { names }: Order, now: Date): boolean {
  const { identity } = readLaid(certPath(home, names[0]));
  if (identity === null) return true;
  const { validFromDate, validToDate } = identity.certificate;
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  return now.getTime() >= validFromDate.getTime() + (lifeMs * 2) / 3;
}
