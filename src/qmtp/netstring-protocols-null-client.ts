import { ControlError, readLines } from "#control";
import { HeldBytes } from "#files";
import { queueExitOutcome } from "#mail";
import { askQmqpServers } from "./netstring-protocols-qmqpc.ts";
import type { Door, DoorAnswer, Posting } from "./posting.ts";

const outcomeOf = (exitCode: number): DoorAnswer => ({ ...queueExitOutcome(exitCode), queueId: null });
const noServers = outcomeOf(55);
const writeFailed = outcomeOf(53);

/** control/qmqpservers; null if it is missing or cannot be read. */
export function readQmqpServers(home: string): readonly string[] | null {
  try {
    return readLines(home, "qmqpservers");
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

/** The way into the queues of other machines (control/qmqpservers), for a home that has none ("mini-qmail", Q-242). */
export function openQmqpServers(home: string): Door {
  return {
    post: (envelope) => postToServers(home, envelope.sender, envelope.recipients),
    async close() {},
  };
}

function postToServers(home: string, sender: string, recipients: readonly string[]): Posting {
  const message = new HeldBytes();
  let hasFailed = false;
  return {
    async write(bytes) {
      try {
        await message.write(bytes);
      } catch {
        hasFailed = true; // finish() reports it.
      }
    },
    async finish() {
      await using _ = message;
      const servers = readQmqpServers(home);
      if (servers === null) return noServers;
      return hasFailed ? writeFailed : (await askQmqpServers(servers, { message, sender, recipients })).answer;
    },
    abort() {
      void message[Symbol.asyncDispose]();
    },
  };
}
