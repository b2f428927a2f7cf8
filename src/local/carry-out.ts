import { type ByteString, toBytes } from "#bytes";
import {
  type DeliveryJob,
  done,
  type LocalRoute,
  type MessageSource,
  type Origin,
  type Outcome,
  permanent,
  type ReversePath,
  temporary,
} from "#mail";
import {
  appendToMbox,
  deliverToMaildir,
  fromLine,
  type MaildirKeeper,
  messagePieces,
  UnreadableMessage,
} from "#mailbox";
import type { ProgramIndex } from "#process";
import { checkHome } from "./check-home.ts";
import { deliveredToLine, returnPathLine } from "./delivery-lines.ts";
import { type DeliveryFacts, deliveryEnvironment } from "./environment.ts";
import { type FoundInstructions, findInstructions } from "./find-instructions.ts";
import { forwardMessage, type PostingDoor } from "./forward-message.ts";
import { type Instruction, parseInstructions } from "./instructions.ts";
import { isLooping } from "./is-looping.ts";
import { newSender } from "./new-sender.ts";
import type { ProgramLimits } from "./program-limits.ts";
import { runProgramLine } from "./run-program-line.ts";

/** What a delivery needs of the house. */
export type LocalHouse = {
  /** Where forwards go, and in whose name; asked for when the first is to be sent. */
  readonly forwarding: () => Promise<{ readonly door: PostingDoor; readonly origin: Origin }>;
  /** Instructions for users who have none: control/defaultdelivery. May throw; the delivery then waits. */
  readonly defaultDelivery: () => ByteString;
  /** Programs that run inside this process. */
  readonly programs: ProgramIndex;
  /** Deliveries for uid 0 are refused for now where false: qmail never makes them. */
  readonly allowRoot: boolean;
  /** Program lines are refused for now where false. */
  readonly allowPrograms: boolean;
  /** How long a program may run: control/programtimeout, in milliseconds. */
  readonly programLimitMs: () => number;
  readonly programLimits: () => ProgramLimits;
  /** The environment programs inherit. */
  readonly env: NodeJS.ProcessEnv;
  readonly keeper: MaildirKeeper;
  /** The Maildir file of a delivery: the same on every attempt; `copy` counts from 0 within one Maildir. */
  readonly maildirName: (job: DeliveryJob, copy: number) => string;
  readonly now: () => Date;
};

/** A local delivery: a job whose route is known. */
export type LocalJob = DeliveryJob & { readonly route: LocalRoute };

const loops = permanent("This message is looping: it already has my Delivered-To line. (#5.4.6)\n");
const nobody = permanent("Sorry, no mailbox here by that name. (#5.1.1)\n");
const blankFirst = temporary("Uh-oh: first line of .qmail file is blank. (#4.2.1)\n");
const fileInList = temporary("Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)\n");
const programInList = temporary("Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)\n");
const programsOff = temporary("Programs are switched off here. (#4.3.0)\n");
const unreadable = temporary("Unable to read message. (#4.3.0)\n");

/** Which instructions hold for this address: the .qmail file's, or the default ones. An outcome if there is no mailbox, or no telling. */
export function instructionsFor(
  route: LocalRoute,
  defaultDelivery: () => ByteString,
): (FoundInstructions & { readonly instructions: readonly Instruction[] }) | Outcome {
  const found = findInstructions(route);
  if ("fate" in found) return found;
  if (!found.exists && route.dash !== "") return nobody;
  // An empty file means the default too, and its x bit then nothing.
  if (found.text === "") return { ...found, forwardOnly: false, instructions: parseInstructions(defaultDelivery()) };
  return { ...found, instructions: parseInstructions(found.text) };
}

/** What an instruction is refused for, before anything is done about it; null if it may go ahead. */
export function refusalOf(instruction: Instruction, forwardOnly: boolean): Outcome | null {
  if (instruction.kind === "blank-first") return blankFirst;
  if (!forwardOnly) return null;
  if (instruction.kind === "program") return programInList;
  return instruction.kind === "mbox" || instruction.kind === "maildir" ? fileInList : null;
}

/**
 * Delivers one message to one local address as qmail-local does (spec 6): looks at the home, the header, the .qmail file, then
 * does what its lines say from top to bottom until one fails; what is forwarded goes last, as one message. The outcome's text
 * is qmail-local's own; what programs print goes to `output`. Safe to repeat, but lines before the one that failed are done
 * again (G26).
 */
export async function carryOut(job: LocalJob, house: LocalHouse, output: (bytes: Buffer) => void): Promise<Outcome> {
  const home = checkHome(job.route.home);
  if (home !== null) return "sticky" in home ? home.sticky : home;
  try {
    const deliveredTo = deliveredToLine(job.recipient);
    if (await isLooping(job.message, deliveredTo)) return loops;
    const found = instructionsFor(job.route, house.defaultDelivery);
    if ("fate" in found) return found;
    const sender = newSender(job.route, job.sender, job.recipient);
    if (typeof sender !== "string") return sender;
    return await new Delivery(job, house, output, found, sender).run(found.instructions);
  } catch (error) {
    if (error instanceof UnreadableMessage) return unreadable;
    throw error;
  }
}

/** One delivery on its way down the lines. */
class Delivery {
  readonly #job: LocalJob;
  readonly #house: LocalHouse;
  readonly #output: (bytes: Buffer) => void;
  readonly #facts: DeliveryFacts;
  readonly #count = { files: 0, forwards: 0, programs: 0 };
  readonly #recipients: ByteString[] = [];
  /** How many copies have gone into each Maildir. */
  readonly #copies = new Map<ByteString, number>();
  #forwardOnly: boolean;
  #environment: NodeJS.ProcessEnv | null = null;

  constructor(
    job: LocalJob,
    house: LocalHouse,
    output: (bytes: Buffer) => void,
    found: FoundInstructions,
    sender: ReversePath,
  ) {
    this.#job = job;
    this.#house = house;
    this.#output = output;
    this.#forwardOnly = found.forwardOnly;
    this.#facts = {
      route: job.route,
      recipient: job.recipient,
      sender: job.sender,
      newSender: sender,
      defaultPart: found.defaultPart,
      deliveredTo: deliveredToLine(job.recipient),
      returnPath: returnPathLine(job.sender),
      fromLine: fromLine(job.sender, house.now()),
    };
  }

  async run(instructions: readonly Instruction[]): Promise<Outcome> {
    for (const instruction of instructions) {
      const end = refusalOf(instruction, this.#forwardOnly) ?? (await this.#follow(instruction));
      if (end === "enough") break;
      if (end !== "go-on" && end.fate !== "done") return end;
    }
    if (this.#recipients.length === 0) return done(this.#counts());
    return this.#forward();
  }

  #follow(instruction: Instruction): Promise<"go-on" | "enough" | Outcome> | "go-on" {
    switch (instruction.kind) {
      case "mbox":
        this.#count.files++;
        return this.#toMbox(instruction.path);
      case "maildir":
        this.#count.files++;
        return this.#toMaildir(instruction.path);
      case "program":
        this.#count.programs++;
        return this.#toProgram(instruction.command);
      case "forward":
        this.#count.forwards++;
        this.#recipients.push(instruction.address);
        return "go-on";
      case "forward-only":
        this.#forwardOnly = true;
        return "go-on";
      case "blank-first":
        return "go-on"; // Refused before.
    }
  }

  /** What stands above the message in a mailbox. */
  get #item(): { readonly head: Buffer; readonly message: MessageSource } {
    return { head: toBytes(`${this.#facts.returnPath}${this.#facts.deliveredTo}`), message: this.#job.message };
  }

  #toMbox(path: ByteString): Promise<Outcome> {
    return appendToMbox(this.#absolute(path), path, { ...this.#item, fromLine: this.#facts.fromLine });
  }

  #toMaildir(path: ByteString): Promise<Outcome> {
    const directory = this.#absolute(path);
    const copy = this.#copies.get(directory) ?? 0;
    this.#copies.set(directory, copy + 1);
    const name = this.#house.maildirName(this.#job, copy);
    const { again, awaited } = this.#job;
    return deliverToMaildir({ ...this.#item, directory, name, again, awaited }, this.#house.keeper);
  }

  async #toProgram(command: ByteString): Promise<"go-on" | "enough" | Outcome> {
    if (!this.#house.allowPrograms) return programsOff;
    this.#environment ??= deliveryEnvironment(this.#house.env, this.#facts);
    return runProgramLine({
      command,
      cwd: this.#job.route.home,
      env: this.#environment,
      message: this.#job.message,
      programs: this.#house.programs,
      limitMs: this.#house.programLimitMs(),
      limits: this.#house.programLimits(),
      output: this.#output,
    });
  }

  async #forward(): Promise<Outcome> {
    const { door, origin } = await this.#house.forwarding();
    const answer = await forwardMessage(door, {
      sender: this.#facts.newSender,
      recipients: this.#recipients,
      origin,
      onTop: this.#facts.deliveredTo,
      message: messagePieces(this.#job.message),
    });
    if (answer.fate !== "done") return { fate: answer.fate, text: `Unable to forward message: ${answer.text}.\n` };
    return done(`${this.#counts()}${answer.queueId === null ? "" : `qp ${answer.queueId}\n`}`);
  }

  #counts(): ByteString {
    const { files, forwards, programs } = this.#count;
    return `did ${files}+${forwards}+${programs}\n`;
  }

  /** The process's own folder means nothing here: many deliveries share it. */
  #absolute(path: ByteString): ByteString {
    return path.startsWith("/") ? path : `${this.#job.route.home}/${path}`;
  }
}
