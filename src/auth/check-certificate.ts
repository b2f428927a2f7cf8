import { type ByteString, lowerAscii } from "#bytes";
import { readSetting } from "#control";
import { findAccount } from "./accounts.ts";
import { accept, type LoginSources, type Verdict } from "./check-login.ts";

/**
 * Who comes with a client certificate? `names` are its addresses and `sha256/HEX`, its fingerprint; control/certusers says whose they are.
 * With `login` it must be that one (RFC 4422 appendix A). That the certificate is good is the listener's word.
 */
export function openCertificateCheck(home: string, sources: LoginSources) {
  return async (names: readonly ByteString[], login: ByteString): Promise<Verdict> => {
    const users = readSetting(home, "certusers");
    const wanted = login === "" ? null : (findAccount(login, sources)?.name ?? "");
    for (const name of names) {
      const user = users.get(lowerAscii(name));
      const found = user === undefined ? null : findAccount(user, sources);
      if (found !== null && (wanted === null || wanted === found.name)) return accept(found);
    }
    return { kind: "no" };
  };
}
