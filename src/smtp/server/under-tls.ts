import type { TlsFact } from "#tls";
import type { SmtpControls } from "./controls.ts";
import type { Surroundings } from "./house.ts";

/**
 * The surroundings of a client whose connection is secure now: one with a certificate that clientca.pem vouches for and an address of
 * tlsclients in it may relay (spec 11.4). The same object if nothing changes.
 */
export function underTls(
  surroundings: Surroundings,
  { clientCert }: TlsFact,
  { tlsClients }: SmtpControls,
): Surroundings {
  if (clientCert === null || surroundings.has("RELAYCLIENT")) return surroundings;
  if (!clientCert.emails.some((email) => tlsClients.has(email))) return surroundings;
  return new Map(surroundings).set("RELAYCLIENT", "");
}
