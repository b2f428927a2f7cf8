/** One family of metrics: where its numbers stand in the queue service's answer, and what they are called. */
type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** Labels of the numbers under the key, level by level; none for a plain number. */
  readonly labels: readonly string[];
};

/** The queue service's keys (`{"verb":"metrics"}` over run/queue-admin) as families. A key that is not here is exported under its own name. */
const families: ReadonlyMap<string, Family> = new Map<string, Family>([
  ["messages_accepted_total", counter("messages_accepted_total", "Messages taken into the queue.")],
  ["message_bytes_accepted_total", counter("message_bytes_accepted_total", "Their bytes.")],
  ["messages_finished_total", counter("messages_finished_total", "Messages that left the queue.")],
  ["bounces_total", counter("bounces_total", "Bounces and double bounces queued.")],
  ["deliveries_total", counter("deliveries_total", "Delivery attempts that ended.", "channel", "result")],
  ["queue", gauge("queue", "What is in the queue: messages, and recipients by state.", "what")],
  ["deliveries_running", gauge("deliveries_running", "Delivery attempts under way.", "channel")],
  ["courier_ceiling", gauge("delivery_slots", "Delivery attempts the couriers would take at once.", "channel")],
  ["smtp_sessions_total", counter("smtp_sessions_total", "SMTP sessions that ended.")],
  [
    "smtp_connections_refused_total",
    counter("smtp_connections_refused_total", "Connections that got no SMTP session."),
  ],
  ["smtp_messages_accepted_total", counter("smtp_messages_accepted_total", "Messages taken by SMTP.")],
  ["smtp_message_bytes_accepted_total", counter("smtp_message_bytes_accepted_total", "Their bytes.")],
  ["smtp_rejections_total", counter("smtp_rejections_total", "Commands and messages refused by SMTP.")],
  ["smtp_tls_sessions_total", counter("smtp_tls_sessions_total", "SMTP sessions that spoke TLS.")],
  ["smtp_tls_failures_total", counter("smtp_tls_failures_total", "TLS handshakes with SMTP clients that failed.")],
  ["memory_rss_bytes", gauge("queue_memory_rss_bytes", "Resident memory of the queue service.")],
]);

function counter(name: string, help: string, ...labels: readonly string[]): Family {
  return { name, help, type: "counter", labels };
}

function gauge(name: string, help: string, ...labels: readonly string[]): Family {
  return { name, help, type: "gauge", labels };
}

/** Fates in the log's words. */
const results: ReadonlyMap<string, string> = new Map([
  ["done", "success"],
  ["temporary", "deferral"],
  ["permanent", "failure"],
]);

/** The text format's rule for names; our own service keeps to it, so what does not is left out. */
const goodName = /^[a-z_][a-z0-9_]*$/;
/** Deeper nesting has no label names. */
const maxLabels = 3;
const spareLabels = ["kind", "part", "item"] as const;

const escaped = (value: string): string => value.replace(/[\\"\n]/g, (each) => (each === "\n" ? "\\n" : `\\${each}`));

function samples(name: string, value: unknown, labels: readonly string[], set: readonly string[]): readonly string[] {
  if (typeof value === "number" && Number.isFinite(value)) {
    return [`${name}${set.length === 0 ? "" : `{${set.join(",")}}`} ${value}\n`];
  }
  if (typeof value !== "object" || value === null || set.length >= maxLabels) return [];
  const label = labels[set.length] ?? spareLabels[set.length] ?? "label";
  return Object.entries(value).flatMap(([key, inner]) => {
    const shown = label === "result" ? (results.get(key) ?? key) : key;
    return samples(name, inner, labels, [...set, `${label}="${escaped(shown)}"`]);
  });
}

function familyOf(key: string): Family {
  const help = "As the queue service reports it.";
  return families.get(key) ?? (key.endsWith("_total") ? counter(key, help) : gauge(key, help));
}

/**
 * Numbers as Prometheus reads them (text format 0.0.4). `facts` is the queue service's answer, null when it gave none: then only
 * `quail_up` is told, which is 0.
 */
export function exposition(facts: Readonly<Record<string, unknown>> | null): string {
  const up = `# HELP quail_up Whether the queue service answers.\n# TYPE quail_up gauge\nquail_up ${facts === null ? 0 : 1}\n`;
  const told = Object.entries(facts ?? {}).map(([key, value]) => {
    const family = familyOf(key);
    const name = `quail_${family.name}`;
    const lines = goodName.test(key) ? samples(name, value, family.labels, []) : [];
    return lines.length === 0 ? "" : `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n${lines.join("")}`;
  });
  return up + told.join("");
}

/** Deliveries by result and class of reason, as the log tells them; nothing before the first. */
export function reasonExposition(
  counts: readonly { readonly result: string; readonly reason: string; readonly count: number }[],
): string {
  if (counts.length === 0) return "";
  const name = "quail_delivery_reasons_total";
  const lines = counts.map(({ result, reason, count }) => `${name}{result="${result}",reason="${reason}"} ${count}\n`);
  return `# HELP ${name} Delivery attempts that ended, by result and kind of reason, since the first question.\n# TYPE ${name} counter\n${lines.sort().join("")}`;
}
