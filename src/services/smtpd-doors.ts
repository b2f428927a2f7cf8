import { displayText } from "#bytes";
import { openDoor, programDoor } from "#qmtp";
import { type House, type Surroundings, searchMoreRcptHosts } from "#smtp";

/** The ways out of a session that are open to smtpd: into the queue, and into control/morercpthosts.cdb. */
export type SmtpdDoors = Pick<House, "post" | "inMoreRcptHosts"> & {
  readonly close: () => Promise<void>;
  /** Tells the queue what was counted, for the metrics. */
  readonly tell: (counters: Readonly<Record<string, number>>) => void;
};

/** Where messages go: the queue's door, or the program that the tcp rules set as QMAILQUEUE for this client (spec 2.3). */
export function openSmtpdDoors(home: string): SmtpdDoors {
  const door = openDoor(home);
  return {
    post(envelope, origin, surroundings) {
      const program = surroundings.get("QMAILQUEUE");
      if (program === undefined) return door.post(envelope, origin);
      return programDoor(displayText(program), home, environmentOf(surroundings)).post(envelope, origin);
    },
    inMoreRcptHosts: searchMoreRcptHosts(home),
    close: () => door.close(),
    tell: (counters) => door.tell?.(counters),
  };
}

function environmentOf(surroundings: Surroundings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...Object.fromEntries([...surroundings].map(([name, value]) => [name, displayText(value)])),
  };
}
