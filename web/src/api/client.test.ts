import { http, HttpResponse } from "msw";
import { describe, expect, it } from "vitest";
import { client, read } from "@/api/client";
import { ApiError } from "@/api/errors";
import { problem, server } from "@/testing/server";
import { meta } from "@/testing/shop";

const ask = () => read(client.GET("/api/v1/meta"));
const failure = async () => {
  const error = await ask().then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(error)}`);
  return error;
};

describe("a request", () => {
  it("brings the answer", async () => {
    server.use(http.get("*/api/v1/meta", () => HttpResponse.json(meta)));
    await expect(ask()).resolves.toEqual(meta);
  });

  it("brings the problem with its remedy and number", async () => {
    server.use(
      http.get("*/api/v1/meta", () => problem(503, "The database did not answer", "Longer than 5 s.", "Try again.")),
    );
    const error = await failure();
    expect(error).toMatchObject({
      status: 503,
      title: "The database did not answer",
      detail: "Longer than 5 s.",
      remedy: "Try again.",
      requestId: "01JD8K2V9QTX",
      passing: true,
    });
  });

  it("makes do with an error that is no problem document", async () => {
    server.use(
      http.get(
        "*/api/v1/meta",
        () => new HttpResponse("<h1>Bad gateway</h1>", { status: 502, headers: { "x-request-id": "7" } }),
      ),
    );
    expect(await failure()).toMatchObject({ status: 502, title: null, requestId: "7" });
  });

  it("tells that the server was not reached", async () => {
    server.use(http.get("*/api/v1/meta", () => HttpResponse.error()));
    expect(await failure()).toMatchObject({ status: 0, passing: true });
  });

  it("is not asked again when it was wrong itself", async () => {
    server.use(http.get("*/api/v1/meta", () => problem(400, "Wrong", "limit must be 1 to 200")));
    expect((await failure()).passing).toBe(false);
  });

  it("refuses an answer that is no JSON", async () => {
    server.use(
      http.get("*/api/v1/meta", () => new HttpResponse("{", { headers: { "content-type": "application/json" } })),
    );
    expect(await failure()).toMatchObject({ status: 502 });
  });
});
