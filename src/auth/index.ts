/**
 * Room `auth`: is this password right, and who is it? `checkLogin` asks control/poppasswd and the system's accounts; credentials
 * are checkpassword's (descriptor 3); `verifySecret` knows the hashes of thirty years, `makeHash` makes argon2id only;
 * `LoginGuard` makes guessing slow; tickets carry an identity from the oracle to a mailbox worker. Owns nothing on disk.
 */
export { apopDigest, fitsApop } from "./apop.ts";
export {
  isAppName,
  newAppPassword,
  openAppPasswords,
  parseAppPasswords,
  renderAppPassword,
  withoutAppPassword,
} from "./app-passwords.ts";
export { openCertificateCheck } from "./check-certificate.ts";
export { checkLogin, type Identity, type LoginSources, type Verdict } from "./check-login.ts";
export { type Credentials, maxCredentialBytes, parseCredentials, renderCredentials } from "./credentials.ts";
export { type Ban, type GuardLimits, type GuardState, LoginGuard } from "./login-guard.ts";
export { openLoginSources } from "./login-sources.ts";
export { openTokenCheck } from "./oauth/check-token.ts";
export { makeHash } from "./phc.ts";
export { openPopPasswd, type PopEntry, PopPasswdError, parsePopEntry, withHash } from "./pop-passwd.ts";
export type { SaslEnd, SaslFacts, SaslMechanism, SaslOracle } from "./sasl/exchange.ts";
export { saslMechanisms } from "./sasl/mechanisms.ts";
export { type OtherProofs, openSaslOracle } from "./sasl/open-oracle.ts";
export { makeScramKey } from "./scram-keys.ts";
export { parseSendingLimits, type SendingLimits, SentCount, type SentState } from "./sent-count.ts";
export { findSystemAccount, type SystemAccount, type SystemFiles, systemFiles } from "./system-accounts.ts";
export { issueTicket, maxTicketBytes, type Ticket, ticketReader, workerKey } from "./ticket.ts";
export { clearSecret, type Fits, storeClear, verifySecret } from "./verify-secret.ts";
