import { statSync } from "node:fs";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";
import {
  type Address,
  domainOf,
  isNullPath,
  type LocalRoute,
  localPartOf,
  type Outcome,
  type ReversePath,
} from "#mail";
import { qmailFiles } from "#users";
import { troubleOpening } from "./find-instructions.ts";

/**
 * Who sends what this address forwards: NEWSENDER (spec 6.8). With a file `.qmail-EXT-owner` it is `LOCAL-owner@HOST`, with
 * `.qmail-EXT-owner-default` beside it `LOCAL-owner-@HOST-@[]` (one sender for each recipient); a null path stays. An outcome
 * if there is no telling now.
 */
export function newSender(route: LocalRoute, sender: ReversePath, recipient: Address): ReversePath | Outcome {
  if (isNullPath(sender)) return sender;
  const own = qmailFiles(route.dash, route.ext)[0].file;
  const hasOwner = exists(route.home, `${own}-owner`);
  if (hasOwner === false) return sender;
  if (hasOwner !== true) return hasOwner;
  const hasDefault = exists(route.home, `${own}-owner-default`);
  if (hasDefault !== true && hasDefault !== false) return hasDefault;
  const [local, host] = [localPartOf(recipient), domainOf(recipient)];
  return (hasDefault ? `${local}-owner-@${host}-@[]` : `${local}-owner@${host}`) as Address;
}

/** Does a file of that name exist, of whatever kind? */
function exists(home: ByteString, file: ByteString): boolean | Outcome {
  try {
    return statSync(diskPath(`${home}/${file}`), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return troubleOpening(file, error) ?? false;
  }
}
