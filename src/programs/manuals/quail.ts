import type { Manual } from "../manual.ts";

/** `quail` and its verbs. */
export const manuals: readonly Manual[] = [
  {
    name: "quail",
    section: 8,
    purpose: "the mail system: its verbs, and every program of qmail",
    synopsis: ["quail VERB ...", "quail PROGRAM ..."],
    description: [
      "quail VERB does one thing with a whole mail system: start it, look at its queue, change its settings. quail help lists the verbs.",
      "quail PROGRAM runs one of the classic programs, as does a link to quail that is named after the program. A program or verb whose only argument is --help says how it is called, and does nothing else.",
    ],
    environment: [["QUAIL_HOME", "The home to work on. Otherwise /var/qmail, or the folder var of this checkout."]],
    exitCodes: [
      ["0", "done"],
      ["100", "called wrongly, or there is no such verb or program"],
      ["111", "not now: the reason is on standard error"],
    ],
  },
];
