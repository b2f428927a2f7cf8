import { hostname } from "node:os";
import { toBytes, utf8ToByteString } from "#bytes";
import { findHome, readSetting } from "#control";
import { callerOrigin, posterFor } from "#inject";
import { carryOut, holdMessage, type LocalHouse, type LocalJob, readProgramLimits, showInstructions } from "#local";
import { exitCodeFor, type LocalRoute, type Outcome, parseAddress, permanent, type ReversePath } from "#mail";
import { DurableBatch, freshMaildirName } from "#mailbox";
import { type Program, type ProgramCall, UsageError } from "#process";
import { findProgram } from "../index.ts";

const usage = "qmail-local: usage: qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty";
const argumentCount = 8;

/** The command line, as byte strings. */
type Order = {
  readonly show: boolean;
  readonly route: LocalRoute;
  readonly recipient: string;
  readonly sender: string;
  readonly aliasEmpty: string;
};

function parseOrder(args: readonly string[]): Order {
  let show = false;
  let at = 0;
  for (; at < args.length && /^-./.test(args[at]!); at++) {
    if (args[at] === "--") {
      at++;
      break;
    }
    if (!/^-[nN]+$/.test(args[at]!)) throw new UsageError(usage);
    show = args[at]!.endsWith("n");
  }
  const words = args.slice(at).map(utf8ToByteString);
  const [user = "", home = "", local = "", dash = "", ext = "", domain = "", sender = "", aliasEmpty = ""] = words;
  if (words.length !== argumentCount || !home.startsWith("/")) throw new UsageError(usage);
  const route = { user, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, home, dash, ext };
  return { show, route, recipient: `${local}@${domain}`, sender, aliasEmpty };
}

/** Prints our own words: what was done on stdout, what went wrong on stderr. */
function conclude(call: ProgramCall, outcome: Outcome): number {
  (outcome.fate === "done" ? call.stdout : call.stderr).write(toBytes(outcome.text));
  return exitCodeFor(outcome.fate);
}

/**
 * `qmail-local [-nN] user homedir local dash ext domain sender aliasempty`: delivers the message on stdin to one local address;
 * with -n it only shows what it would do (spec 2.7).
 */
export const main: Program = async (call) => {
  const order = parseOrder(call.args);
  if (order.show) return show(call, order);
  const recipient = parseAddress(order.recipient);
  if (recipient === null) return conclude(call, permanent("Sorry, address too long. (#5.1.3)\n"));
  await using held = await holdMessage(call.stdin);
  const now = new Date();
  const job: LocalJob = {
    queueId: process.pid,
    bornAtMs: now.getTime(),
    index: 0,
    again: false,
    awaited: true,
    sender: order.sender as ReversePath,
    recipient,
    route: order.route,
    message: held.message,
  };
  return await deliver(call, job, order.aliasEmpty); // The message is let go when this function ends.
};

function show(call: ProgramCall, order: Order): number {
  const { lines, warning, outcome } = showInstructions(order.route, () => order.aliasEmpty);
  call.stderr.write(toBytes(warning));
  call.stdout.write(toBytes(lines));
  return conclude(call, outcome);
}

async function deliver(call: ProgramCall, job: LocalJob, aliasEmpty: string): Promise<number> {
  const home = findHome(call.env);
  const poster = await posterFor(call.env, home);
  const host = hostname();
  const house: LocalHouse = {
    forwarding: async () => ({ door: poster, origin: callerOrigin() }),
    defaultDelivery: () => aliasEmpty,
    programs: findProgram,
    allowRoot: true, // Whoever runs this by hand is who he wants to be.
    allowPrograms: true,
    programLimitMs: () => readSetting(home, "programtimeout") * 1000,
    programLimits: () => readProgramLimits(home),
    env: call.env,
    keeper: {
      // One message: syncing the file costs less than syncing all of its file system.
      batch: new DurableBatch(null),
      complain: (line) => call.stderr.write(toBytes(`qmail-local: ${line}\n`)),
    },
    // No queue stands behind the delivery: nobody repeats it.
    maildirName: () => freshMaildirName(new Date(), host),
    now: () => new Date(),
  };
  try {
    return conclude(call, await carryOut(job, house, (bytes) => call.stdout.write(bytes)));
  } finally {
    await poster.close();
  }
}
