/**
 * Room `tls`: the server's side of TLS, and certificates, without any mail in them. `tlsServer` makes connections secure with the
 * certificates of a home (control/servercert.pem, control/certs/NAME.pem), read anew when they change; `selfSign` and
 * `makeRequest` make certificates and requests, `parseIdentity` reads them. Ground floor. Loads Node's TLS when the first
 * client wants it.
 */
export { type ChannelFacts, channelFacts } from "./channel-facts.ts";
export type { ClientCertificate } from "./client-certificate.ts";
export type { TlsFact } from "./fact.ts";
export { type Identity, IdentityError, namesOf, parseIdentity } from "./identity.ts";
export { keyPem, makeKey, makeRequest, type SelfSigned, selfSign } from "./make-certificate.ts";
export { type Secured, type TlsServer, type TlsServerOptions, tlsServer } from "./server.ts";
export { modernCiphers, tlsControlFiles } from "./settings.ts";
export {
  dropTicketKeys,
  makeTicketFolder,
  renewTicketKeys,
  ticketKeyFile,
  ticketKeyLifeMs,
} from "./ticket-keys.ts";
