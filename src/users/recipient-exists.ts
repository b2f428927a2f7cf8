import { stat } from "node:fs/promises";
import type { ByteString } from "#bytes";
import { diskPath, errorCode } from "#files";
import { type Address, type LocalRoute, localPartOf } from "#mail";
import { findUser, type UserSources } from "./find-user.ts";
import { type QmailFile, qmailFiles } from "./qmail-file.ts";
import { type Routing, routeRecipient } from "./routing.ts";

/** What a look at a name told: an instruction file, none, or nothing because we may not look or the disk is in trouble. */
export type Sight = "file" | "none" | "hidden";

/** What the search for a user's instruction file saw, in the order it looked; it ends with the first that is not "none". */
export type InstructionSearch = {
  readonly result: Sight;
  readonly looked: readonly { readonly file: QmailFile; readonly sight: Sight }[];
};

/** Only regular files instruct; permission and passing trouble hide, everything else is missing (spec 6.2). */
async function sightOf(path: ByteString): Promise<Sight> {
  try {
    return (await stat(diskPath(path))).isFile() ? "file" : "none";
  } catch (error) {
    return ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(errorCode(error)) ? "none" : "hidden";
  }
}

/** Looks for the instruction file of a route, as the delivery will, by stat alone: nothing in the home is opened. */
export async function searchInstructions(route: LocalRoute): Promise<InstructionSearch> {
  const looked: { readonly file: QmailFile; readonly sight: Sight }[] = [];
  for (const file of qmailFiles(route.dash, route.ext)) {
    const sight = await sightOf(`${route.home}/${file.file}`);
    looked.push({ file, sight });
    if (sight !== "none") return { result: sight, looked };
  }
  return { result: "none", looked };
}

/** True if the home can be entered; a home that cannot (unmounted, moved) makes deliveries wait, so nobody is "not here". */
async function homeIsThere(home: ByteString): Promise<boolean> {
  try {
    return (await stat(diskPath(home))).isDirectory();
  } catch {
    return false; // Whatever hides it, there is no telling who lives there.
  }
}

/**
 * Is there such a recipient, as far as this process can see? `no` only when delivery would certainly answer `Sorry, no mailbox
 * here by that name`; `defer` when there is no telling now. Remote addresses are someone else's to judge: `yes`.
 */
export async function recipientExists(
  address: Address,
  routing: Routing,
  sources: UserSources,
): Promise<"yes" | "no" | "defer"> {
  const routed = routeRecipient(address, routing);
  if (routed.channel === "remote") return "yes";
  const found = await findUser(localPartOf(routed.address), sources);
  if (found.kind === "outcome") return found.outcome.fate === "done" ? "yes" : "defer";
  // With an empty dash it is the user proper: without instructions the default delivery applies.
  if (found.route.dash === "") return "yes";
  const { result } = await searchInstructions(found.route);
  if (result !== "none") return result === "file" ? "yes" : "defer";
  return (await homeIsThere(found.route.home)) ? "no" : "defer";
}
