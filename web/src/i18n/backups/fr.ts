/** Backups in French. */
import type { BackupWords } from "@/i18n/backups/en";
import type { Formats } from "@/lib/format";
import { createPlural } from "@/lib/plural";

const plural = createPlural("fr");

export const backups = (f: Formats): BackupWords => ({
  title: "Sauvegardes",
  lead: "Une sauvegarde ne compte qu’une fois relue en entier.",
  now: "Sauvegarder",
  running: (at) => `Sauvegarde en cours, depuis ${at}`,
  alarm: { failed: "La dernière sauvegarde a échoué", late: "Une sauvegarde manque" },
  old: (at) => `État de ${at}\u00A0: le serveur ne répond pas`,
  state: "État",
  newest: "Dernière bonne",
  none: "aucune",
  count: "Bonnes",
  next: "Prochaine",
  off: "Aucun horaire n’est réglé",
  kept: "Conservées",
  days: (n) => `${f.number(n)} ${plural(n, { one: "jour", other: "jours" })}, et toujours les trois dernières`,
  folder: "Dossier",
  key: "Clé de récupération",
  keyText:
    "Sans elle, aucune sauvegarde ne se restaure sur une autre machine. Gardez-en une copie ailleurs\u00A0; pour la voir\u00A0:",
  keyFile: "Fichier",
  keyNone: "La première sauvegarde la crée.",
  history: "Historique",
  empty: "Aucune sauvegarde pour l’instant",
  emptyText: "Une sauvegarde contient toute la boutique. La première crée aussi la clé de récupération.",
  states: {
    verified: "Bonne",
    failed: "Échouée",
    deleted: "Supprimée, trop vieille",
    missing: "Fichier absent",
    unknown: "Non vérifiée",
  },
  triggers: { schedule: "par l’horaire", button: "par le bouton", command: "par commande" },
  size: (megabytes) => `${megabytes} Mo`,
  took: (seconds) => `${seconds} s`,
  rows: (n) => `${f.number(n)} ${plural(n, { one: "ligne", other: "lignes" })}`,
});
