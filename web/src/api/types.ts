/** The answers of the API under short names; the shapes come from its OpenAPI description. */
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];

export type Meta = Schemas["Meta"];
export type Dashboard = Schemas["Dashboard"];
export type Category = Schemas["Category"];
export type SourceFreshness = Schemas["SourceFreshness"];
export type StatusThresholds = Schemas["StatusThresholds"];
export type ProductRow = Schemas["ProductRow"];
export type ProductPage = Schemas["ProductPage"];
export type ProductDetail = Schemas["ProductDetail"];
export type ProductHistory = Schemas["ProductHistory"];
export type HistoryDay = Schemas["HistoryDay"];
export type Listing = Schemas["Listing"];
export type OpenSupply = Schemas["OpenSupply"];
export type ReturnsSum = Schemas["ReturnsSum"];
export type PlaceStock = Schemas["PlaceStock"];
export type Place = Schemas["Place"];
export type Why = Schemas["Why"];
export type WhyPart = Schemas["WhyPart"];
export type KeyForm = Schemas["KeyForm"];
export type KeyReport = Schemas["KeyReport"];
export type Run = Schemas["Run"];
export type BackfillPlan = Schemas["BackfillPlan"];
export type BackfillRequest = Schemas["BackfillRequest"];
export type RunState = Schemas["RunState"];
export type RunPage = Schemas["RunPage"];
export type StreamRun = Schemas["StreamRun"];
export type Finding = Schemas["Finding"];
export type StreamState = Schemas["StreamState"];
export type SyncOverview = Schemas["SyncOverview"];
export type SourceOverview = Schemas["SourceOverview"];
