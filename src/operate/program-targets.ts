import { basename } from "node:path";
import { type ByteString, displayText, utf8ToByteString } from "#bytes";
import { deliveryEnvironment } from "#local";
import { type Address, type LocalRoute, parseAddress } from "#mail";
import { parsePlainCommand } from "#process";

/** Where a program line of ours sends mail on: always, or if the program it asks says so. */
export type ProgramTargets = { readonly kind: "forward" | "perhaps"; readonly addresses: readonly Address[] };

/** Variables that only a message can fill. */
const ofMessage: ReadonlySet<string> = new Set(["SENDER", "NEWSENDER", "DTLINE", "RPLINE", "UFLINE"]);

/**
 * What `|forward ...` and `|condredirect address program ...` do with mail for `recipient`. Null for every other line, and for one
 * that needs a shell or depends on the message. Runs nothing.
 */
export function programTargets(
  command: ByteString,
  route: LocalRoute,
  recipient: Address,
  defaultPart: ByteString | null,
): ProgramTargets | null {
  const facts = { sender: "", newSender: "", deliveredTo: "", returnPath: "", fromLine: "" } as const;
  const env = deliveryEnvironment({}, { ...facts, route, recipient, defaultPart });
  const line = displayText(command);
  for (const [, name = ""] of line.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)) {
    if (ofMessage.has(name) || !Object.hasOwn(env, name)) return null;
  }
  const [program = "", ...words] = parsePlainCommand(line, env) ?? [];
  const named = basename(program) === "forward" ? words : basename(program) === "condredirect" ? words.slice(0, 1) : [];
  const addresses = named.flatMap((word) => parseAddress(utf8ToByteString(word)) ?? []);
  if (addresses.length === 0) return null;
  return { kind: basename(program) === "forward" ? "forward" : "perhaps", addresses };
}
