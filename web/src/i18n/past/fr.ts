/** Les mots français des jours passés : relectures. */
import type { PastWords } from "@/i18n/past/en";
import type { Formats } from "@/lib/format";

export const pastFr = (f: Formats): PastWords => ({
  open: "Relire des jours passés",
  title: "Relire des jours passés",
  lead: "Relit les jours choisis et ajoute ce qui manque. Les synchronisations continuent et passent devant ; les faits plus récents restent.",
  source: "Source",
  streams: "À lire",
  from: "Du",
  to: "Au, inclus",
  days: "Selon le calendrier de la place de marché (Moscou).",
  plan: "Ce que cela demande",
  planning: "Calcul en cours",
  requests: (count) => `au moins ${f.number(count)} ${count < 2 ? "requête" : "requêtes"}`,
  takes: (time) => `au moins ${time} selon les limites de la place de marché`,
  here: (rows) => `${rows} de ces jours déjà ici`,
  wrongDays: "Le dernier jour précède le premier.",
  nothingChosen: "Choisissez au moins un flux.",
  none: "Rien de ces jours ne peut être lu.",
  start: "Lancer la lecture",
  cancel: "Annuler",
  range: (days) => `jours passés, ${days}`,
  reading: (source, days) => `${source}, relecture : ${days}`,
  waits: (source, days) => `${source}, ${days} attend la fin d’une synchronisation`,
  windows: (done, all) => `Fenêtre ${f.number(done)} sur ${f.number(all)}`,
  found: (fresh, changed) => `${f.number(fresh)} nouvelles, ${f.number(changed)} modifiées`,
  goesOn: "Arrêtée, elle reprend où elle en était quand les mêmes jours sont redemandés le même jour.",
});
