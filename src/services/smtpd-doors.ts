import { type ByteString, displayText } from "#bytes";
import { liveControls } from "#control";
import { type ClientFacts, filterPath, openDoor, programDoor } from "#qmtp";
import {
  type House,
  type LoginHouse,
  type LoginTurn,
  loadSenderRules,
  type Surroundings,
  searchMoreRcptHosts,
  senderRuleFiles,
} from "#smtp";
import { openAuthClient } from "./ask-auth.ts";
import type { SaslAnswer } from "./auth-frames.ts";

/** The ways out of a session that are open to smtpd: into the queue, and into control/morercpthosts.cdb. */
export type SmtpdDoors = Pick<House, "login" | "post" | "inMoreRcptHosts"> & {
  readonly close: () => Promise<void>;
  /** Tells the queue what was counted, for the metrics. */
  readonly tell: (counters: Readonly<Record<string, number>>) => void;
};

/** The way to the auth service. Nothing is connected before somebody logs in. */
function openLoginDoor(home: string): LoginHouse & { readonly close: () => void } {
  const auth = openAuthClient(home);
  return {
    begin: async (start) => {
      const { answer, talk } = await auth.begin({ ...start, purpose: "sending" });
      return {
        answer: sendingTurn(answer),
        talk: { ...talk, next: async (bytes) => sendingTurn(await talk.next(bytes)) },
      };
    },
    rules: liveControls(home, senderRuleFiles, () => loadSenderRules(home)),
    spend: (user, recipients) => auth.spend(user, recipients),
    close: () => auth.close(),
  };
}

/** Who only sends is given no mailbox. */
function sendingTurn(answer: SaslAnswer): LoginTurn {
  if (answer.kind !== "yes") return answer;
  return { kind: "later", reason: "the auth service answered another question", login: answer.login };
}

/**
 * Where messages go: the queue's door (or the filter's, where one stands before it), or the program that the tcp rules set as
 * QMAILQUEUE for this client (spec 2.3).
 */
export function openSmtpdDoors(home: string, hasFilter = false): SmtpdDoors {
  const door = openDoor(home);
  const filter = hasFilter ? openDoor(home, filterPath(home)) : null;
  const login = openLoginDoor(home);
  return {
    login,
    post(envelope, origin, surroundings, helo) {
      const program = surroundings.get("QMAILQUEUE");
      if (program === undefined) {
        if (filter === null) return door.post(envelope, origin);
        return filter.post(envelope, origin, factsOf(surroundings, helo));
      }
      return programDoor(displayText(program), home, environmentOf(surroundings)).post(envelope, origin);
    },
    inMoreRcptHosts: searchMoreRcptHosts(home),
    async close() {
      login.close();
      await filter?.close();
      await door.close();
    },
    tell: (counters) => door.tell?.(counters),
  };
}

/** What the filter is told of a client. */
function factsOf(surroundings: Surroundings, helo: ByteString | null): ClientFacts {
  const facts = new Map([["ip", surroundings.get("TCPREMOTEIP") ?? ""]]);
  if (helo !== null) facts.set("helo", helo);
  if (surroundings.has("RELAYCLIENT")) facts.set("relay", "1");
  return facts;
}

function environmentOf(surroundings: Surroundings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...Object.fromEntries([...surroundings].map(([name, value]) => [name, displayText(value)])),
  };
}
