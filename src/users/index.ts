/**
 * Room `users`: who an address belongs to. First the channel (`routeRecipient`: control/locals, virtualdomains), then for a
 * local address the user (`findUser`: users/cdb, the password database, alias), then the candidates for that user's
 * instruction file (`qmailFiles`). Owns on disk: `users/cdb`, compiled from `users/assign`. Reads names and folders, never a
 * message. Called by the scheduler (routing), by the `local` service (users, existence) and by the tools.
 */
export { type AssignEntry, compileAssign, type MalformedAssign, parseAssign } from "./assign.ts";
export { type Assigned, openAssigned } from "./assigned.ts";
export { checkUsers } from "./check-users.ts";
export {
  explainUser,
  type FoundUser,
  findUser,
  openUserSources,
  type Question,
  type SourceChoices,
  type UserSources,
} from "./find-user.ts";
export { type GetpwAnswer, getpw } from "./getpw.ts";
export { type Account, parsePasswd } from "./passwd.ts";
export { assignFromPasswd, type HomeOwner, type Pw2uChoices, type Pw2uFiles, type Pw2uTrouble } from "./pw2u.ts";
export { type QmailFile, qmailFiles } from "./qmail-file.ts";
export { type InstructionSearch, recipientExists, type Sight, searchInstructions } from "./recipient-exists.ts";
export { loadRouting, type Routed, type Routing, routeRecipient, routingFiles, stripVirtualPrefix } from "./routing.ts";
