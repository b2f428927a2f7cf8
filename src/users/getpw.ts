import { type ByteString, toBytes } from "#bytes";
import { type AccountSources, findByAccount, HomeTrouble } from "./account.ts";

/** qmail-getpw's answer: its output and exit code 0, or a code that says why there is none (spec 2.10). */
export type GetpwAnswer = { readonly code: 0 | 115 | 116 | 118; readonly output: Buffer };

const nothing = (code: 115 | 116 | 118): GetpwAnswer => ({ code, output: Buffer.alloc(0) });

/**
 * The six fields `user uid gid home dash ext` of a local part, each with a NUL after it; 115 if a home cannot be looked at
 * now, 116 without an alias account, 118 if the password database says "try again". Never throws.
 */
export async function getpw(local: ByteString, sources: AccountSources): Promise<GetpwAnswer> {
  try {
    const found = await findByAccount(local, sources);
    if (found === null) return nothing(116);
    const { user, uid, gid, home, dash, ext } = found.route;
    const fields = [user, uid, gid, home, dash, ext];
    return { code: 0, output: toBytes(fields.map((field) => `${field}\0`).join("")) };
  } catch (error) {
    return nothing(error instanceof HomeTrouble ? 115 : 118);
  }
}
