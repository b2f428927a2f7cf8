/** What control files say about logins, as the auth service uses it. Read at each question: logins are rare, edits count at once. */
import { type GuardLimits, parseSendingLimits, type SendingLimits } from "#auth";
import { type ByteString, lowerAscii } from "#bytes";
import { ControlError, readSetting } from "#control";
import { type Networks, parseNetworks } from "#net";

/** What a missing control/authmechanisms offers: ways by which every kind of stored password can be checked. */
export const usualMechanisms: readonly string[] = ["PLAIN", "LOGIN"];

/** control/authmechanisms, in its order and in capitals. */
export function mechanismsOf(home: string): readonly string[] {
  const listed = readSetting(home, "authmechanisms");
  return listed === null ? usualMechanisms : listed.map((name) => name.toUpperCase());
}

export function allowsMechanism(home: string, mechanism: string): boolean {
  return mechanismsOf(home).includes(mechanism);
}

export function guardLimits(home: string): GuardLimits {
  return { failures: readSetting(home, "authbanfailures"), banSeconds: readSetting(home, "authbanseconds") };
}

/** Whether control/authallow has an address. */
export function allowList(home: string): (ip: string) => boolean {
  let kept: { readonly text: string; readonly networks: Networks } | null = null;
  return (ip) => {
    const entries = readSetting(home, "authallow");
    if (entries === null) return false;
    const text = entries.join("\n");
    if (kept?.text !== text) {
      const networks = parseNetworks(entries);
      if (!("has" in networks))
        throw new ControlError(`control/authallow: "${entries[networks.badEntry]}" is no network`);
      kept = { text, networks };
    }
    return kept.networks.has(ip);
  };
}

/** What a user may send, by control/sendinglimits: the user's own line, else `*`; null: as much as they like. */
export function sendingLimitsOf(home: string, user: ByteString): SendingLimits | null {
  const lines = readSetting(home, "sendinglimits");
  const text = lines.get(lowerAscii(user)) ?? lines.get("*");
  if (text === undefined) return null;
  const limits = parseSendingLimits(text);
  if (limits === null)
    throw new ControlError(`control/sendinglimits: "${text}" is not four numbers with colons between`);
  return limits;
}
