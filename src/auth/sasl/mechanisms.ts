import { oauthBearer, xoauth2 } from "./bearer.ts";
import { cramMd5 } from "./cram-md5.ts";
import type { SaslMechanism } from "./exchange.ts";
import { external } from "./external.ts";
import { login, plain } from "./plain.ts";
import { scram } from "./scram.ts";

/** Every mechanism by its registered name. A Map, not an object: the name is the peer's text. */
export const saslMechanisms: ReadonlyMap<string, SaslMechanism> = new Map([
  ["PLAIN", plain],
  ["LOGIN", login],
  ["CRAM-MD5", cramMd5],
  ["SCRAM-SHA-1", scram("sha1", false)],
  ["SCRAM-SHA-1-PLUS", scram("sha1", true)],
  ["SCRAM-SHA-256", scram("sha256", false)],
  ["SCRAM-SHA-256-PLUS", scram("sha256", true)],
  ["OAUTHBEARER", oauthBearer],
  ["XOAUTH2", xoauth2],
  ["EXTERNAL", external],
]);
