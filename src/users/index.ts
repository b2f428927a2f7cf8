/**
 * Room `users`: who an address belongs to. First the channel (`routeRecipient`: control/locals, virtualdomains), then for a
 * local address the user (users/cdb, the password database, alias), then the candidates for that user's instruction file.
 * Owns on disk: `users/cdb`, compiled from `users/assign`. Reads names and folders, never a message.
 */
export { type QmailFile, qmailFiles } from "./qmail-file.ts";
export { loadRouting, type Routed, type Routing, routeRecipient, stripVirtualPrefix } from "./routing.ts";
