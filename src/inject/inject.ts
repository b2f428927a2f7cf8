import { statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { toBytes } from "#bytes";
import { ControlError } from "#control";
import { exitCodeFor, type Origin } from "#mail";
import type { ProgramCall } from "#process";
import { type Composed, compose, returnPathLine } from "./compose.ts";
import { type InjectControl, readInjectControl } from "./control.ts";
import { readInjectEnvironment } from "./environment.ts";
import { parseInjectArguments } from "./options.ts";
import type { Poster } from "./poster.ts";
import { MessageReadError, type OpenMessage, openMessage } from "./read-message.ts";

/** What qmail-inject works with besides its call. */
export type InjectHouse = {
  readonly home: string;
  readonly openPoster: () => Promise<Poster>;
  readonly origin: Origin;
  readonly now: Date;
  readonly unique: number;
};

/** Why the message was not sent: what stands behind `qmail-inject: fatal: `. */
type Fatal = { readonly text: string; readonly exitCode: 100 | 111 };

const readError: Fatal = { text: "read error", exitCode: 111 };
const noHome: Fatal = { text: "internal bug", exitCode: 111 };

/** qmail-inject (spec 2.12): completes a message and queues it, or shows it. Resolves with the exit code. */
export async function inject(call: ProgramCall, house: InjectHouse): Promise<number> {
  const options = parseInjectArguments(call.args);
  if ("problem" in options) {
    call.stderr.write(`qmail-inject: ${options.problem}\n`);
    return 100;
  }
  const fatal = await run(call, house, options).catch(expected);
  if (fatal === null) return 0;
  call.stderr.write(toBytes(`qmail-inject: fatal: ${fatal.text}\n`));
  return fatal.exitCode;
}

type Options = Exclude<ReturnType<typeof parseInjectArguments>, { readonly problem: string }>;

async function run(call: ProgramCall, house: InjectHouse, options: Options): Promise<Fatal | null> {
  const control = readControl(house.home, call);
  if (control === null) return noHome;
  const message = await openMessage(call.stdin);
  const composed = compose(message.fields, {
    options,
    control,
    environment: readInjectEnvironment(call.env),
    now: house.now,
    unique: house.unique,
  });
  if ("refusal" in composed) return { text: composed.refusal, exitCode: 100 };
  if (options.print) return show(call, composed, message);
  return queue(house, composed, message);
}

/** What may go wrong outside of us becomes its sentence; anything else goes on as a surprise. */
function expected(error: unknown): Fatal {
  if (error instanceof MessageReadError || error instanceof ControlError) return readError;
  throw error;
}

/** The control values; null if there is no home. */
function readControl(home: string, call: ProgramCall): InjectControl | null {
  if (statSync(home, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  return readInjectControl(home, call.env, call.cwd);
}

/** `-n`: the whole message on stdout, its sender in a Return-Path on top. */
async function show(call: ProgramCall, composed: Composed, message: OpenMessage): Promise<null> {
  const everything = async function* (): AsyncGenerator<Buffer> {
    yield toBytes(returnPathLine(composed.envelope.sender) + composed.header);
    yield* message.body;
  };
  await pipeline(everything, call.stdout, { end: false, signal: call.signal });
  return null;
}

async function queue(house: InjectHouse, composed: Composed, message: OpenMessage): Promise<Fatal | null> {
  const poster = await house.openPoster();
  const posting = poster.post(composed.envelope, house.origin);
  try {
    await posting.write(toBytes(composed.header));
    for await (const chunk of message.body) await posting.write(chunk);
  } catch (error) {
    posting.abort();
    await poster.close();
    throw error;
  }
  const answer = await posting.finish();
  await poster.close();
  return answer.fate === "done" ? null : { text: answer.text, exitCode: exitCodeFor(answer.fate) === 100 ? 100 : 111 };
}
