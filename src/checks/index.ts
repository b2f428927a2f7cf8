/**
 * Room `checks`: who sent a message, and how it can be known. SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989),
 * ARC (RFC 8617), verified over bytes in the house's LF form and with a resolver that is handed in; and signatures of our own. Reads its control files. Verdicts are values;
 * nothing here refuses or delivers. Owns nothing on disk.
 */

export { authenticationResultsField, claimsToBe, receivedSpfField, resultsOf } from "./authentication-results.ts";
export { authorDomains } from "./author-domains.ts";
export { type CheckSettings, checkControlFiles, loadCheckSettings } from "./check-settings.ts";
export { bodyHasher } from "./dkim/body-hash.ts";
export { parsePolicyRecord } from "./dmarc/policy-record.ts";
export type { Dns, Resolved } from "./dns.ts";
export { type HeaderField, headerEnd, headerFields } from "./header-fields.ts";
export { checksOf, dmarcOverride, type Judgement, judge, type Stance, type Stances } from "./judge.ts";
export { composeSignature } from "./signing/compose-signature.ts";
export { beganHere } from "./signing/is-ours.ts";
export {
  parseSignRequest,
  renderSignRequest,
  type SignRequest,
  signFrames,
  signSocket,
} from "./signing/sign-request.ts";
export {
  keysFor,
  parseSigningKey,
  readSigningKeys,
  renderSigningKey,
  type SigningKey,
  signingDomain,
} from "./signing/signing-plan.ts";
export { checkHost } from "./spf/check-host.ts";
export { isSpfRecord, parseSpfRecord } from "./spf/record.ts";
export { type Inspection, inspectHeader, type Proof, type Sender } from "./verify-message.ts";
