// What a TypeScript service and app do with Tidings, through stubs generated from the public contracts.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromBinary, fromJson, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";
import { InboxService } from "./gen/tidings/inbox/v1/inbox_service_pb";
import {
  InboxStreamService,
  SubscribeResponseSchema,
  type SubscribeResponse,
} from "./gen/tidings/inbox/v1/inbox_stream_service_pb";
import {
  GetNotificationResponseSchema,
  IngestionService,
  SendNotificationsResponseSchema,
} from "./gen/tidings/ingestion/v1/ingestion_service_pb";

const { TIDINGS_ADDRESS, TIDINGS_API_KEY, FIXTURES } = process.env;
const authorize: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${TIDINGS_API_KEY}`);
  return next(request);
};
const transport = createGrpcTransport({
  baseUrl: `http://${TIDINGS_ADDRESS}`,
  interceptors: [authorize],
  defaultTimeoutMs: 20_000,
});
const ingestion = createClient(IngestionService, transport);
const inbox = createClient(InboxService, transport);
const stream = createClient(InboxStreamService, transport);

const entry = (order: number | string) => ({
  requestId: randomUUID(),
  recipientId: "alice",
  category: "order.shipped",
  template: { name: "order-shipped", variables: { order } },
});

/** Reads frames until `enough` says so; returns the titles that came and the last cursor. */
async function follow(
  start: { case: "afterCursor"; value: string } | { case: "live"; value: object },
  enough: (titles: string[], frame: SubscribeResponse["frame"]) => boolean,
  opened: () => Promise<unknown> = async () => {},
) {
  const leave = new AbortController();
  const titles: string[] = [];
  let cursor = "";
  let resumed = false;
  const frames = stream.subscribe(
    { recipientId: "alice", start: start as never },
    { signal: leave.signal, timeoutMs: 30_000 },
  );
  try {
    for await (const { cursor: position, frame } of frames) {
      if (frame.case === "opened") {
        resumed = frame.value.resumed;
        await opened();
      }
      if (frame.case === "changes") titles.push(...frame.value.changes.map(({ item }) => item!.title));
      if (position) cursor = position;
      if (enough(titles, frame)) leave.abort();
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
  }
  return { titles, cursor, resumed };
}

test("a notification is sent and arrives on the stream; integers stay integers", async () => {
  const { titles } = await follow(
    { case: "live", value: {} },
    (titles) => titles.length === 1,
    () => ingestion.sendNotification(entry(42)),
  );
  assert.deepEqual(titles, ["Order 42"]);
});

test("a repeat with the same request id gets the first answer", async () => {
  const request = entry("again");
  const first = await ingestion.sendNotification(request);
  const second = await ingestion.sendNotification(request);
  assert.equal(first.replayed, false);
  assert.equal(second.replayed, true);
  assert.equal(second.notificationId, first.notificationId);
});

test("a batch answers each entry at its place", async () => {
  const entries = [entry("b1"), { ...entry("b2"), category: "no.such" }, entry("9007199254740993")];
  const { results } = await ingestion.sendNotifications({ entries });
  assert.deepEqual(
    results.map(({ result }) => result.case),
    ["accepted", "error", "accepted"],
  );
  const { result } = results[1];
  assert.ok(result.case === "error");
  assert.equal(result.value.code, Code.InvalidArgument);
  const info = result.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find(Boolean)!;
  const bad = result.value.details.map((detail) => anyUnpack(detail, BadRequestSchema)).find(Boolean)!;
  assert.equal(info.reason, "CATEGORY_NOT_FOUND");
  assert.deepEqual(bad.fieldViolations.map(({ field }) => field), ["category"]);
});

test("a stream resumes strictly after its cursor and misses nothing", async () => {
  const before = await follow(
    { case: "live", value: {} },
    (titles, frame) => titles.includes("Order r1") && frame.case === "changes",
    () => ingestion.sendNotification(entry("r1")),
  );
  assert.notEqual(before.cursor, "");
  const missed = ["r2", "r3", "r4"];
  for (const order of missed) {
    const { notificationId } = await ingestion.sendNotification(entry(order));
    while (!(await inbox.listInboxItems({ recipientId: "alice" })).items.some(({ itemId }) => itemId === notificationId));
  }
  const after = await follow(
    { case: "afterCursor", value: before.cursor },
    (titles) => titles.length === missed.length,
  );
  assert.equal(after.resumed, true);
  assert.deepEqual(after.titles, missed.map((order) => `Order ${order}`));
});

test("a refusal has a reason and names the field", async () => {
  const wrong = { ...entry("x"), category: "Order!" };
  const error = await ingestion.sendNotification(wrong).then(
    () => assert.fail("accepted"),
    (error) => ConnectError.from(error),
  );
  assert.equal(error.code, Code.InvalidArgument);
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  assert.equal(info.reason, "INVALID_FIELD");
  assert.equal(info.domain, "tidings.dev");
  assert.deepEqual(bad.fieldViolations.map(({ field }) => field), ["category"]);
});

/** A newer server's answer, from binary and from JSON; checks that what is unknown survives in binary. */
function newer<Desc extends DescMessage>(schema: Desc, name: string): MessageShape<Desc>[] {
  const bytes = readFileSync(`${FIXTURES}/${name}.binpb`);
  const binary = fromBinary(schema, bytes);
  assert.equal(toBinary(schema, binary).length, bytes.length);
  const json = JSON.parse(readFileSync(`${FIXTURES}/${name}.json`, "utf8"));
  return [binary, fromJson(schema, json, { ignoreUnknownFields: true })];
}

test("what a newer server adds breaks nothing", () => {
  for (const { notification } of newer(GetNotificationResponseSchema, "notification")) {
    assert.equal(notification!.notificationId, "n1");
    assert.equal(notification!.deliveries[0].deliveryId, "d1");
    assert.deepEqual(notification!.metadata, { a: "b" });
  }
  for (const { results } of newer(SendNotificationsResponseSchema, "batch")) {
    assert.deepEqual(results.map(({ result }) => result.case), ["accepted", undefined, "error"]);
  }
  for (const { cursor, frame } of newer(SubscribeResponseSchema, "changes")) {
    assert.equal(cursor, "c1");
    assert.ok(frame.case === "changes");
    assert.equal(frame.value.changes[0].item!.title, "Hello");
  }
  for (const { cursor, frame } of newer(SubscribeResponseSchema, "frame")) {
    assert.equal(cursor, "c2");
    assert.equal(frame.case, undefined);
  }
});
