"""A3C's rules on plain Python numbers, sharing no code with jaxac: who reads which version, how old gradients are."""

from collections import Counter


class Simulator:
    """A server and its shards in virtual time.

    Args:
        compute: ``compute(shard, params) -> gradient``.
        step: ``step(params, gradients, ages, shard) -> params``, the shard being the last to arrive.
    """

    def __init__(self, algo, params=None, compute=lambda *_: None, step=lambda *_: None):
        self.algo, self.compute, self.step = algo, compute, step
        self.versions = [params]
        self.group = []
        self.snapshot = [0] * algo.num_shards
        self.pushes = [0] * algo.num_shards
        self.ages, self.dropped, self.waited = Counter(), 0, 0

    @property
    def newest(self):
        return len(self.versions) - 1

    def group_size(self):
        return {"per_gradient": 1, "softsync": self.algo.softsync_size, "mean": self.algo.num_shards}[self.algo.server]

    def waits(self):
        return self.algo.max_staleness is not None and self.algo.above_max_staleness == "wait"

    def wave_size(self):
        size = self.algo.num_shards
        while self.waits() and (size > self.algo.max_staleness * self.group_size() + 1 or self.algo.num_shards % size):
            size -= 1
        return size

    def round(self, number, order, delays):
        active = [(number + 1) % period == 0 for period in self.algo.shard_periods or [1] * self.algo.num_shards]
        size = self.wave_size()
        for first in range(0, len(order), size):
            self.wave(order[first : first + size], active, delays)

    def wave(self, shards, active, delays):
        if self.algo.pull_at == "round":
            self.snapshot, self.pushes = [self.newest] * len(self.snapshot), [0] * len(self.pushes)
        for place, shard in enumerate(shards):
            steps_before = (len(self.group) + place) // self.group_size()
            too_old = self.newest + steps_before - self.snapshot[shard] > (self.algo.max_staleness or 0)
            if self.waits() and active[shard] and too_old:
                self.snapshot[shard], self.pushes[shard] = self.newest, 0
                self.waited += 1
        read = {shard: self.snapshot[shard] for shard in shards}
        gradients = {shard: self.compute(shard, self.versions[read[shard]]) for shard in shards if active[shard]}
        for shard in shards:
            if active[shard]:
                self.arrive(shard, gradients[shard], self.newest - read[shard], delays)

    def arrive(self, shard, gradient, age, delays):
        self.pushes[shard] += 1
        if self.algo.max_staleness is not None and age > self.algo.max_staleness:
            assert not self.waits()
            self.dropped += 1
            self.snapshot[shard], self.pushes[shard] = self.newest, 0
            return
        self.ages[age] += 1
        self.group.append((gradient, age))
        if len(self.group) < self.group_size():
            return
        gradients, ages = zip(*self.group, strict=True)
        self.versions.append(self.step(self.versions[-1], gradients, ages, shard))
        self.group = []
        for other in range(self.algo.num_shards):
            if self.pushes[other] >= self.algo.pull_every:
                self.snapshot[other], self.pushes[other] = max(self.newest - delays[other], 0), 0
