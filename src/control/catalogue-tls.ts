import { flag, list, text, value } from "./control-file.ts";
import { checkAddressOrHost, checkOneOf } from "./entry-checks.ts";

const pem = "-----BEGIN CERTIFICATE-----";

/** The files about TLS: those of the widespread patch (spec 11.4), which was built in, and Quail's own. */
export const tlsFiles = {
  "servercert.pem": text(null, {
    meaning:
      "The certificate (with those between it and its authority) and its private key, in one file: with it SMTP and POP3 offer TLS. For further names: certs/NAME.pem.",
    usedBy: ["smtpd", "pop3d", "qmail-smtpd", "qmail-popup"],
    reload: "live",
    since: "patch",
    example: pem,
  }),
  "clientca.pem": text(null, {
    meaning: "Authorities whose client certificates count; with it SMTP clients are asked for one.",
    usedBy: ["smtpd", "qmail-smtpd"],
    reload: "live",
    since: "patch",
    example: pem,
  }),
  tlsclients: list(null, {
    meaning: "Mail addresses in client certificates that may relay; clientca.pem says whose certificates count.",
    usedBy: ["smtpd", "qmail-smtpd"],
    reload: "live",
    since: "patch",
    example: "joe@example.com",
    check: checkAddressOrHost,
  }),
  tlsserverciphers: value(null, {
    meaning:
      "Ciphers of TLS 1.2 for clients of this host, as OpenSSL lists them; without it those with forward secrecy and authenticated encryption.",
    usedBy: ["smtpd", "pop3d", "qmail-smtpd", "qmail-popup"],
    reload: "live",
    since: "patch",
    example: "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES",
  }),
  tlsmin: value("1.2", {
    meaning: "The oldest version of TLS spoken with clients of this host: 1.2 or 1.3.",
    usedBy: ["smtpd", "pop3d", "qmail-smtpd", "qmail-popup"],
    reload: "live",
    since: "quail",
    example: "1.2",
    check: checkOneOf("1.2", "1.3"),
  }),
  tlsonly: list(null, {
    meaning:
      "What takes mail, or logins, over TLS only: smtp, submission, pop3. In tcp.smtp: FORCE_TLS, client by client.",
    usedBy: ["smtpd", "pop3d", "qmail-smtpd"],
    reload: "live",
    since: "quail",
    example: "submission",
    check: checkOneOf("smtp", "submission", "pop3"),
  }),
  "clientcert.pem": text(null, {
    meaning: "The certificate and key this host shows to SMTP servers that ask for one.",
    usedBy: ["remote"],
    reload: "live",
    since: "patch",
    example: pem,
  }),
  tlsclientciphers: value(null, {
    meaning: "Ciphers of TLS 1.2 for connections to other hosts, as OpenSSL lists them.",
    usedBy: ["remote"],
    reload: "live",
    since: "patch",
    example: "HIGH:!aNULL",
  }),
  tlsremote: flag(true, {
    meaning:
      "Whether mail for other hosts goes over TLS where they offer it; hosts in tlshosts/ must have it all the same.",
    usedBy: ["remote"],
    reload: "live",
    since: "quail",
    example: "1",
  }),
} as const;
