import { type DeliveryJob, type Outcome, temporary } from "#mail";
import { carryOut, type LocalHouse } from "./carry-out.ts";
import { Report } from "./report.ts";

const asRoot = temporary("Not allowed to perform deliveries as root.\n");
const noRoute = temporary("Internal error: local delivery without a user. (#4.3.5)\n");

/**
 * One delivery as the scheduler sees it: what programs printed and what qmail-local says of it, one text of at most 3000
 * octets. Never as root unless the house says so. Throws only on bugs; the courier makes that temporary.
 */
export async function deliverLocally(job: DeliveryJob, house: LocalHouse): Promise<Outcome> {
  const { route } = job;
  if (route === null) return noRoute;
  if (route.uid === 0 && !house.allowRoot) return asRoot;
  const report = new Report();
  const outcome = await carryOut({ ...job, route }, house, (bytes) => report.add(bytes));
  report.add(outcome.text);
  return { fate: outcome.fate, text: report.text() };
}
