// @kubernetes/client-node against the cluster of $KUBECONFIG; run by javascript_test.py, which installs what
// package-lock.json pins.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as k8s from '@kubernetes/client-node';

const PATIENCE = 60_000; // a limit for a broken server
const GROUP = 'javascript.example.com';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = 'js-' + randomUUID().slice(0, 8);

async function eventually(what, condition) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) assert.fail(`waited in vain until ${what}`);
    await sleep(50);
  }
}

const refused = (code, promise) => assert.rejects(promise, (error) => error.code === code);
const configMap = (name, key = '1', labels = undefined) => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { key },
});
const withType = (type) => k8s.setHeaderOptions('Content-Type', type);

before(() => core.createNamespace({ body: { metadata: { name: namespace } } }));
after(() => core.deleteNamespace({ name: namespace }));

test('life of an object', async () => {
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a') });
  assert.ok(made.metadata.creationTimestamp instanceof Date);
  await refused(409, core.createNamespacedConfigMap({ namespace, body: configMap('a') }));
  const patched = await core.patchNamespacedConfigMap(
    { name: 'a', namespace, body: { data: { other: '2' } } }, withType(k8s.PatchStrategy.MergePatch));
  assert.deepEqual(patched.data, { key: '1', other: '2' });
  const tested = await core.patchNamespacedConfigMap(
    { name: 'a', namespace, body: [{ op: 'remove', path: '/data/other' }] }, withType(k8s.PatchStrategy.JsonPatch));
  assert.deepEqual(tested.data, { key: '1' });
  made.data = { key: '9' };
  await refused(409, core.replaceNamespacedConfigMap({ name: 'a', namespace, body: made }));
  tested.data = { key: '3' };
  await core.replaceNamespacedConfigMap({ name: 'a', namespace, body: tested });
  assert.equal((await core.readNamespacedConfigMap({ name: 'a', namespace })).data.key, '3');
  await core.deleteNamespacedConfigMap({ name: 'a', namespace });
  await refused(404, core.readNamespacedConfigMap({ name: 'a', namespace }));
});

test('pages', async () => {
  for (let i = 0; i < 7; ++i) await core.createNamespacedConfigMap({ namespace, body: configMap(`p-${i}`, '1', { of: 'p' }) });
  const seen = [];
  for (let _continue; ;) {
    const page = await core.listNamespacedConfigMap({ namespace, labelSelector: 'of=p', limit: 3, _continue });
    seen.push(...page.items.map((item) => item.metadata.name));
    if (!(_continue = page.metadata._continue)) break;
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6].map((i) => `p-${i}`));
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'of=p' });
  assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector: 'of=p' })).items.length, 0);
});

test('server-side apply', async () => {
  const apply = (key, fieldManager, force) => objects.patch(
    configMap('applied', key), undefined, undefined, fieldManager, force, k8s.PatchStrategy.ServerSideApply);
  const made = await apply('1', 'one');
  assert.deepEqual(made.metadata.managedFields.map(({ manager, operation }) => [manager, operation]), [['one', 'Apply']]);
  assert.equal((await apply('1', 'one')).metadata.resourceVersion, made.metadata.resourceVersion);
  await refused(409, apply('2', 'two'));
  assert.equal((await apply('2', 'two', true)).data.key, '2');
});

test('any object', async () => {
  const made = await objects.create(configMap('any'));
  assert.equal(made.data.key, '1');
  assert.equal((await objects.read(made)).metadata.uid, made.metadata.uid);
  assert.ok((await objects.list('v1', 'ConfigMap', namespace)).items.some((item) => item.metadata.name === 'any'));
  await objects.delete(made);
  await refused(404, objects.read(made));
});

test('workload, log, scale', async () => {
  const labels = { app: 'web' };
  await apps.createNamespacedDeployment({ namespace, body: {
    metadata: { name: 'web' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: {
      terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'talk:1' }] } } },
  } });
  await eventually('it is ready', async () =>
    (await apps.readNamespacedDeployment({ name: 'web', namespace })).status?.readyReplicas === 1);
  const [pod] = (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items;
  await eventually('the log is complete', async () =>
    (await core.readNamespacedPodLog({ name: pod.metadata.name, namespace })) === 'one\ntwo\nthree\n');
  let text = '';
  const sink = new Writable({ write(chunk, _, done) { text += chunk; done(); } });
  const following = await new k8s.Log(config).log(namespace, pod.metadata.name, 'main', sink, { follow: true });
  await eventually('the followed log is complete', () => text === 'one\ntwo\nthree\n');
  following.abort();
  const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace });
  scale.spec.replicas = 0;
  await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace, body: scale });
  await eventually('no pod is left', async () =>
    (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items.length === 0);
});

test('custom resources', async () => {
  const definitions = config.makeApiClient(k8s.ApiextensionsV1Api);
  await definitions.createCustomResourceDefinition({ body: {
    metadata: { name: `gadgets.${GROUP}` },
    spec: { group: GROUP, scope: 'Namespaced', names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' }, versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      schema: { openAPIV3Schema: { type: 'object', properties: {
        spec: { type: 'object', required: ['color'], properties: { color: { type: 'string' }, size: { type: 'integer', _default: 3 } } },
        status: { type: 'object', x_kubernetes_preserve_unknown_fields: true } } } } }] },
  } });
  await eventually('it is established', async () =>
    (await definitions.readCustomResourceDefinition({ name: `gadgets.${GROUP}` })).status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True'));
  const at = { group: GROUP, version: 'v1', namespace, plural: 'gadgets' };
  const gadget = { apiVersion: `${GROUP}/v1`, kind: 'Gadget', metadata: { name: 'g' }, spec: { color: 'red' } };
  assert.deepEqual((await custom.createNamespacedCustomObject({ ...at, body: gadget })).spec, { color: 'red', size: 3 });
  await refused(422, custom.createNamespacedCustomObject({ ...at, body: { ...gadget, metadata: { name: 'h' }, spec: {} } }));
  await custom.patchNamespacedCustomObjectStatus(
    { ...at, name: 'g', body: { status: { fine: true } } }, withType(k8s.PatchStrategy.MergePatch));
  assert.deepEqual((await custom.getNamespacedCustomObject({ ...at, name: 'g' })).status, { fine: true });
  await custom.deleteNamespacedCustomObject({ ...at, name: 'g' });
  assert.equal((await custom.listNamespacedCustomObject(at)).items.length, 0);
  await definitions.deleteCustomResourceDefinition({ name: `gadgets.${GROUP}` });
});

test('watch goes on where it was', async () => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const watch = new k8s.Watch(config);
  let resourceVersion = (await core.listNamespacedConfigMap({ namespace })).metadata.resourceVersion;
  const seen = [];
  const follow = () => new Promise((resolve, reject) => {
    watch.watch(path, { resourceVersion, labelSelector: 'of=watched', timeoutSeconds: 1, allowWatchBookmarks: true },
      (type, object) => {
        resourceVersion = object.metadata.resourceVersion;
        if (type !== 'BOOKMARK') seen.push(`${type} ${object.data.key}`);
      }, resolve).catch(reject);
  });
  const writing = (async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('w', '1', { of: 'watched' }) });
    for (let i = 2; i < 8; ++i) {
      await sleep(300);
      await core.patchNamespacedConfigMap({ name: 'w', namespace, body: { data: { key: `${i}` } } },
        withType(k8s.PatchStrategy.MergePatch));
    }
    await core.deleteNamespacedConfigMap({ name: 'w', namespace });
  })();
  const deadline = Date.now() + PATIENCE;
  while (!seen.at(-1)?.startsWith('DELETED') && Date.now() < deadline) await follow();
  await writing;
  assert.deepEqual(seen, ['ADDED 1', ...[2, 3, 4, 5, 6, 7].map((i) => `MODIFIED ${i}`), 'DELETED 7']);
});

test('informer', async () => {
  await core.createNamespacedConfigMap({ namespace, body: configMap('early', '1', { of: 'informer' }) });
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector: 'of=informer' }), 'of=informer');
  const seen = [];
  for (const verb of ['add', 'update', 'delete']) informer.on(verb, (object) => seen.push(`${verb} ${object.metadata.name}`));
  await informer.start();
  await core.createNamespacedConfigMap({ namespace, body: configMap('late', '1', { of: 'informer' }) });
  await core.patchNamespacedConfigMap({ name: 'late', namespace, body: { data: { key: '2' } } },
    withType(k8s.PatchStrategy.StrategicMergePatch));
  await core.deleteNamespacedConfigMap({ name: 'early', namespace });
  await eventually('the informer has seen it all', () => seen.includes('delete early'));
  await eventually('its cache is right', () => informer.get('late', namespace)?.data.key === '2' && !informer.get('early', namespace));
  assert.deepEqual(seen, ['add early', 'add late', 'update late', 'delete early']);
  await informer.stop();
});

// Last: everybody's server goes.
test('informer over a restart', async () => {
  await core.createNamespacedConfigMap({ namespace, body: configMap('stays', '1', { of: 'restart' }) });
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector: 'of=restart' }), 'of=restart');
  // An informer of this client ends where its connection breaks, and is started again by whoever has it.
  let over = false;
  informer.on('error', () => setTimeout(() => over || informer.start().catch(() => {}), 200));
  await informer.start();
  assert.equal((await fetch(`${process.env.CLIENTS_CONTROL}/restart`, { method: 'POST' })).status, 200);
  await eventually('the server writes again', () =>
    core.createNamespacedConfigMap({ namespace, body: configMap('new', '1', { of: 'restart' }) }).then(() => true, (error) => error.code === 409));
  await eventually('the informer has caught up', () => informer.get('stays', namespace) && informer.get('new', namespace));
  over = true;
  await informer.stop();
});
