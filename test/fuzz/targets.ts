/** All fuzz targets: one or more for each parser of bytes that a peer, a user or an admin wrote. */
import type { Target } from "./target.ts";
import { smtpTargets } from "./targets-smtp.ts";
import { textTargets } from "./targets-text.ts";
import { wireTargets } from "./targets-wire.ts";

export const targets: readonly Target[] = [...smtpTargets, ...wireTargets, ...textTargets];
