import { utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import type { Program } from "#process";
import { getpw, openUserSources } from "#users";

/** `qmail-getpw local`: who gets mail for a local part, by the password database alone; users/cdb is not asked (spec 2.10). */
export const main: Program = async ({ args: [local], env, stdout }) => {
  if (local === undefined) return 100;
  const { code, output } = await getpw(utf8ToByteString(local), openUserSources(findHome(env)));
  stdout.write(output);
  return code;
};
