import { readFileSync } from "node:fs";
import { errorText } from "#files";
import type { ServerKind } from "../run-server.ts";
import { scanNumber } from "../scan-number.ts";
import { liveIdentity } from "./tls-identity.ts";
import { serveTls } from "./tls-server.ts";

const handshakeSecondsDefault = 26;
const idleSecondsDefault = 3600;
/** `-3`: the key's password comes on this descriptor. */
const passwordFd = 3;

type Options = readonly (readonly [letter: string, value: string])[];

function isOn(options: Options, on: string, off: string): boolean {
  return options.findLast(([letter]) => letter === on || letter === off)?.[0] === on;
}

function seconds(options: Options, letter: string, otherwise: number): number {
  const word = options.findLast(([one]) => one === letter)?.[1];
  return word === undefined ? otherwise : scanNumber(word);
}

/** sslserver: tcpserver with TLS. Its letters replace `-I` of the IPv6 forks. Keys are read before rights are given up, with `-A` too. */
export const sslKind: ServerKind = {
  name: "sslserver",
  usage:
    "[ -1346UXpPhHrRoOdDqQviIeEsSaA ] [ -c limit ] [ -x rules.cdb ] [ -B banner ] [ -g gid ] [ -u uid ] [ -b backlog ] [ -l localname ] [ -t timeout ] [ -T ssltimeout ] [ -w progtimeout ] host port program",
  letters: "1UXpPhHrRoOdDqQv46c:x:B:g:u:b:l:t:C:W:Y:3iIeEsSaAT:w:",
  protocol: (options) => ({ tls: true, alsoTcp: isOn(options, "e", "E") }),
  serve: (call, words, options) => {
    try {
      const password = options.some(([letter]) => letter === "3") ? readFileSync(passwordFd, "latin1").trimEnd() : null;
      const complain = (problem: string): void => {
        call.stderr.write(`sslserver: warning: the old certificate stays: ${problem}\n`);
      };
      return serveTls(call, words, {
        context: liveIdentity(call.env, password, complain),
        needsClientCertificate: isOn(options, "i", "I"),
        setsVariables: isOn(options, "s", "S"),
        handshakeMs: 1000 * seconds(options, "T", handshakeSecondsDefault),
        idleMs: 1000 * seconds(options, "w", idleSecondsDefault),
      });
    } catch (error) {
      return { problem: `unable to load certificate or key: ${errorText(error)}` };
    }
  },
};
