/** Room `analyse`, logs as they are written: a door of its own, for the metrics service, which is small. */
export { LineSplitter } from "../line-splitter.ts";
export { enoughTextBytes, Matcher } from "../matcher.ts";
export { deliveryFacts } from "./delivery-facts.ts";
export { LogFollower } from "./log-follower.ts";
export { type ReasonCount, ReasonCounts } from "./reason-counts.ts";
