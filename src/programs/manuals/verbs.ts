import type { Manual, ManualRow } from "../manual.ts";

const home: ManualRow = ["QUAIL_HOME", "The home to work on. Otherwise /var/qmail, or the folder var of the checkout."];

/** The verbs of `quail`. */
export const manuals: readonly Manual[] = [
  {
    name: "quail start",
    section: 8,
    purpose: "run the whole mail system",
    synopsis: ["quail start [ OPTION ... ]"],
    description: [
      "Makes the home on the first start, starts all services, shows their log, and ends in order on Ctrl-C. Stays in the foreground.",
      "Signals to its process, whose number is in the file ready of the home: TERM and INT stop everything in order; HUP has services read control/locals and control/virtualdomains again; ALRM makes every queued message due now.",
      "Started as root it opens the ports, hands the home to an unprivileged user, becomes that user, and delivers as that user only.",
    ],
    options: [
      ["--home DIR", "Another home."],
      ["--host ADDRESS", "The address to listen on; 127.0.0.1 unless told."],
      ["--port NAME=N", "The port of a service, or NAME=off. quail start --help lists names and numbers."],
      ["--smtpd N", "How many processes serve SMTP together."],
      ["--quiet", "Print nothing but quail: ready and errors."],
    ],
    environment: [home],
    files: [
      ["ready", "The process number, while everything is up."],
      ["run/services", "The services and their process numbers."],
      ["log/", "A folder for each service."],
    ],
    exitCodes: [
      ["0", "stopped as asked"],
      ["100", "called wrongly"],
      ["111", "it cannot start; standard error says why"],
    ],
    seeAlso: ["quail", "qmail-control", "qmail-log"],
  },
  {
    name: "quail config",
    section: 8,
    purpose: "look at, check and change the control files",
    synopsis: [
      "quail config list [ --json ]",
      "quail config get NAME [ --json ]",
      "quail config set NAME VALUE ... [ --force ]",
      "quail config unset NAME",
      "quail config explain NAME [ --json ]",
      "quail config check [ --json ]",
    ],
    description: [
      "list shows all settings with where each comes from; get prints one; explain says what it means, what its absence means, who reads it, and when a change counts.",
      "set writes one: a word for each line of a list, or - for standard input. What is wrong is told and not written. unset removes the file.",
      "check finds what is wrong in control/ and users/, and aliases that every host must have.",
    ],
    options: [
      ["--json", "For programs."],
      ["--force", "Write it all the same."],
    ],
    environment: [home],
    exitCodes: [
      ["0", "well"],
      ["1", "get, unset: there is none; check: there are errors"],
      ["100", "called wrongly, or refused"],
      ["111", "not now"],
    ],
    seeAlso: ["qmail-control", "qmail-showctl"],
  },
  {
    name: "quail explain",
    section: 8,
    purpose: "show how an address is routed, and by which file and line",
    synopsis: ["quail explain ADDRESS ... [ --json ]"],
    description: [
      "Asks every question that mail for ADDRESS would be asked, and shows the answers with the file and line that gave them, through forwards to the end. Sends nothing.",
    ],
    options: [["--json", "For programs."]],
    environment: [home],
    exitCodes: [
      ["0", "mail would be delivered"],
      ["1", "mail to one of the addresses would bounce, or wait"],
      ["100", "called wrongly"],
      ["111", "a control file cannot be read"],
    ],
    seeAlso: ["dot-qmail", "qmail-users", "quail trace"],
  },
  {
    name: "quail queue",
    section: 8,
    purpose: "list, show, hold, retry, expire, remove, check, route queued messages",
    synopsis: [
      "quail queue [ list ] [ FILTER ... ] [ --json ]",
      "quail queue show ID ... [ --body | --raw | --json ]",
      "quail queue VERB ID ... | FILTER ... | --all [ --dry-run ] [ --yes ] [ --json ]",
      "quail queue route ID ... | FILTER ... | --all [ --to ADDRESS ] [ --dry-run ] [ --yes ] [ --json ]",
      "quail queue check [ --fix ] [ --json ]",
    ],
    description: [
      "VERB is hold, release, retry, renew, expire or remove. hold: no attempts until release. retry: try now. renew: the age counts from now. expire: one more attempt, then it bounces. remove: forget it, without a bounce.",
      "route sends what waits where the control files say today, or to ADDRESS; the queue service must be stopped for it. check looks for damage, and with --fix, while the service is stopped, repairs it; what it takes out lies in queue/lost.",
      "All filters that are given must hold. Looking needs the right to read the queue, as root or its owner; the verbs need a running queue service, too. expire, remove and route ask first when they mean several messages that were not named.",
    ],
    options: [
      ["--sender ADDRESS", "USER@DOMAIN, @DOMAIN, or a pattern with *; <> is the null sender."],
      ["--recipient ADDRESS", "The same, for a recipient."],
      ["--domain DOMAIN", "Some recipient is there."],
      ["--channel CHANNEL", "local or remote."],
      ["--older TIME", "In the queue for longer than 30s, 10m, 2h, 3d."],
      ["--larger SIZE", "Larger than 100k, 10M."],
      ["--held", "Held."],
      ["--all", "Every message."],
      ["--dry-run", "Only say what would be done."],
      ["--yes", "Do not ask."],
      ["--to ADDRESS", "Where route sends it."],
      ["--fix", "Repair what check finds."],
      ["--body, --raw", "Show the body, too; show the message, byte for byte."],
      ["--json", "For programs."],
    ],
    environment: [home],
    exitCodes: [
      ["0", "well"],
      ["1", "a message that was named is not there; check: there is damage"],
      ["100", "called wrongly"],
      ["111", "not now"],
    ],
    seeAlso: ["quail trace", "qmail-qread", "qmail-qstat"],
  },
  {
    name: "quail trace",
    section: 8,
    purpose: "tell the story of one message, out of all logs",
    synopsis: ["quail trace ID [ --json ]"],
    description: [
      "Prints every line about message ID in order of time, with the time since the first, and what is left of it in the queue. qp N in a line is the number to trace next: of a bounce, or a forward.",
    ],
    options: [["--json", "For programs."]],
    environment: [home],
    exitCodes: [
      ["0", "told"],
      ["1", "no line tells of it"],
      ["100", "called wrongly"],
      ["111", "the logs cannot be read"],
    ],
    seeAlso: ["qmail-log", "quail explain", "quail queue"],
  },
  {
    name: "quail import",
    section: 8,
    purpose: "take the queue of a qmail installation in",
    synopsis: ["quail import queue DIR [ --dry-run ] [ --json ]"],
    description: [
      "DIR is the queue of a stopped qmail: the folder with mess, info and todo in it. Its messages go on here; their age, due times, and what is done or has failed are kept. Files that were taken over lie in DIR/imported afterwards.",
      "Broken off, it is run again: nothing is doubled, nothing lost.",
    ],
    options: [
      ["--dry-run", "Only say what would be done."],
      ["--json", "For programs."],
    ],
    environment: [home],
    exitCodes: [
      ["0", "well"],
      ["1", "some messages were left, because their files are damaged"],
      ["100", "called wrongly"],
      ["111", "refused, or broken off: run it again"],
    ],
    seeAlso: ["quail queue", "qmail-send"],
  },
  {
    name: "quail help",
    section: 1,
    purpose: "list the verbs and programs, or show a manual",
    synopsis: ["quail help [ NAME ]"],
    description: [
      "Without NAME, a list. With the name of a program, a verb or a file format (quail help dot-qmail), its manual. man/ has the same as manual pages.",
    ],
    exitCodes: [
      ["0", "shown"],
      ["100", "there is no manual of that name"],
    ],
    seeAlso: ["quail man", "quail"],
  },
  {
    name: "quail man",
    section: 1,
    purpose: "show the manual of a program, a verb or a file format",
    synopsis: ["quail man [ SECTION ] NAME"],
    description: [
      "The same as quail help NAME. NAME may be written as in man/, too: quail-config for quail config. SECTION is taken and makes no difference, for no name is in two sections.",
    ],
    exitCodes: [
      ["0", "shown"],
      ["100", "there is no manual of that name, or no name"],
    ],
    seeAlso: ["quail help", "quail"],
  },
];
