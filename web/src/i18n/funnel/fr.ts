/** L’entonnoir des ventes en français. */
import type { funnel } from "@/i18n/funnel/en";

const nb = "\u00A0";

export const funnelFr: typeof funnel = (f) => ({
  title: "De l’ouverture à l’achat",
  asOf: (at) => `au ${at}`,
  step: "Étape",
  now: `28${nb}derniers jours`,
  before: `28${nb}jours avant`,
  days: (told, all) => `${f.number(told)}${nb}jours connus sur ${f.number(all)}`,
  none: "non communiqué",
  opened: "Fiche ouverte",
  carted: "Mis au panier",
  ordered: "Commandé",
  bought: "Acheté",
  cancelled: "Annulé ou retourné",
  wished: "Mis en liste d’envies",
  ofOpened: (share) => `${share} des ouvertures`,
  ofCarted: (share) => `${share} des paniers`,
  ofOrdered: (share) => `${share} des commandes achevées`,
  aboveOpened: "plusieurs pièces par ouverture",
  aboveCarted: "certains paniers datent d’avant",
  told: "Dernière réponse",
  toldOf: (what) => `Dernière réponse${nb}: ${what}`,
  note: `Compté par la place de marché, toutes les tailles de la fiche ensemble. Paniers et commandes sont des pièces. La suite d’une commande figure au jour de la commande${nb}; la part achetée est celle des commandes achevées, de jours d’au moins 14${nb}jours à la dernière lecture.`,
  nothing: "La place de marché n’a communiqué aucun jour de ces huit semaines.",
  unknown: `Aucune place de marché n’a communiqué comment ce produit est consulté. Wildberries le fait${nb}; Ozon seulement avec un abonnement payant.`,
});
