"""Where a contract's batches come from and go: the profile's target and quarantine store, and what the contract chooses in them.

A contract may name a bucket and a prefix for refused batches (``quarantine.s3_bucket``, ``s3_prefix``), an asset and a job names in the
target (``table``, ``branch``, …). Servers, credentials and folders are always the profile's. An item's manifest keeps what was chosen
in the target, so that who finds the item asks the right one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from sluicegate import plugins
from sluicegate.config import PluginSettings, Profile
from sluicegate.contract.lint import not_acted_on
from sluicegate.contract.model import Contract
from sluicegate.contract.placing import CHOOSABLE, Placing, place_in_target, placing
from sluicegate.errors import ConfigError, ContractError, Fault, StorageError, UsageError
from sluicegate.gate.stores import Stores
from sluicegate.ports.quarantine import Manifest, QuarantineStore
from sluicegate.ports.source import Source
from sluicegate.ports.target import Target

__all__ = ["Places"]

_TARGETS, _STORES, _SOURCES = "sluicegate.targets", "sluicegate.quarantine_stores", "sluicegate.sources"
_S3 = "s3"


class Places:
    """A profile's places, and those that contracts have chosen since; each is opened once.

    Args:
        profile: whose they are.
        target: gives the profile's own target.
        store: gives the profile's own store.
    """

    def __init__(self, profile: Profile, *, target: Callable[[], Target], store: Callable[[], QuarantineStore]) -> None:
        self._profile = profile
        self._own_target, self._own_store = target, store
        self._targets: dict[str, Target] = {}
        self._stores: dict[str, QuarantineStore] = {}
        self._sources: dict[str, Source] = {}

    @cached_property
    def _fixed(self) -> tuple[Mapping[str, Any], ...]:
        """The settings of the profile's own places, the first of which is its store's."""
        own = self._profile.quarantine
        places = [own.settings, *({**own.settings, **place} for place in own.also)]
        whole = [place for place in places if own.type != _S3 or "bucket" in place]
        return tuple(whole or places[:1])

    def open_target(self) -> Target:
        """The profile's own target."""
        target: Target = _opened(_TARGETS, self._profile.target, self._profile)
        return target

    def open_store(self) -> QuarantineStore:
        """The profile's own store; with the places that it names besides, all of them as one.

        Raises:
            ConfigError: its settings can't be used, or name no bucket.
        """
        if self._homeless:
            raise ConfigError(
                "the profile leaves the bucket of the quarantine to contracts",
                hint="quarantine.bucket, or name a contract: --at CONTRACT",
            )
        kind = self._profile.quarantine.type
        stores = [_opened(_STORES, PluginSettings(type=kind, settings=each), self._profile) for each in self._fixed]
        return Stores(stores) if len(stores) > 1 else stores[0]

    def notes(self, contract: Contract) -> tuple[str, ...]:
        """What the contract asks for and this gate does not do, a sentence each."""
        return not_acted_on(
            contract,
            store=self._profile.quarantine.type,
            target=self._profile.target.type,
            settings=self._profile.target.settings,
        )

    def faults(self, contract: Contract) -> tuple[Fault, ...]:
        """What the contract asks of the target and can't have."""
        return tuple(self._placing(contract).faults)

    def refuse(self, contract: Contract) -> None:
        """Raises:
        ContractError: the batch would end somewhere else than the contract says.
        """
        if faults := self.faults(contract):
            raise ContractError(faults)

    def chosen(self, contract: Contract) -> dict[str, Any]:
        """What the contract chooses in the target: what its items' manifests keep; empty for the profile's own."""
        return dict(self._placing(contract).chosen)

    def suit(self, contract: Contract, item: Manifest) -> None:
        """Hold a contract against an item's target: a batch's key is one in one target.

        Raises:
            UsageError: it would go to another one.
        """
        self.refuse(contract)
        was, now = (place_in_target(chosen) for chosen in (item.target, self.chosen(contract)))
        if was != now:
            told = [", ".join(f"{key} {value}" for key, value in each.items()) or "the profile's" for each in (was, now)]
            raise UsageError(
                f"{item.quarantine_id} was refused on its way to another target ({told[0]}) than this contract's ({told[1]})",
                hint="name the contract, asset or job that the batch was handed in with",
            )

    def target(self, contract: Contract) -> Target:
        """Where the contract's batches go.

        Raises:
            ContractError: it asks for what the profile's target can't do.
            ConfigError: the target doesn't take what it chooses.
        """
        self.refuse(contract)
        return self._target(self.chosen(contract))

    def target_of(self, item: Manifest) -> Target:
        """Where the item was to go.

        Raises:
            StorageError: its manifest says what no contract can have chosen.
        """
        if strange := sorted(item.target.keys() - CHOOSABLE):
            raise StorageError(f"the manifest of {item.quarantine_id} names target.{strange[0]}: somebody has edited it")
        return self._target(item.target)

    def source(self, scheme: str) -> Source:
        """What reads such URIs.

        Raises:
            UsageError: nothing does.
            ConfigError: its settings can't be used; or the profile has some for what there isn't.
        """
        known = plugins.known(_SOURCES)
        told = f"known: {', '.join(known) or 'none'}"
        if strange := sorted(self._profile.sources.keys() - {*known}):
            raise ConfigError(f"sources.{strange[0]}: nothing reads {strange[0]}:// URIs", hint=told)
        if scheme not in known:
            raise UsageError(f"nothing reads {scheme}:// URIs", hint=f"{told}; or download the batch and give its path")
        if scheme not in self._sources:
            settings = self._profile.sources.get(scheme, {})
            self._sources[scheme] = _opened(_SOURCES, PluginSettings(type=scheme, settings=settings), self._profile)
        return self._sources[scheme]

    def _target(self, chosen: Mapping[str, Any]) -> Target:
        if not chosen:
            return self._own_target()
        key = _key(chosen)
        if key not in self._targets:
            own = self._profile.target
            self._targets[key] = _opened(
                _TARGETS, PluginSettings(type=own.type, settings={**own.settings, **chosen}), self._profile
            )
        return self._targets[key]

    def learn(self, contract: Contract) -> None:
        """Know the contract's place of quarantine from now on, so that items in it are found.

        Raises:
            ContractError: there can't be such a place.
        """
        place = self._place(contract)
        if place is None or place in self._fixed or _key(place) in self._stores:
            return
        try:
            self._stores[_key(place)] = _opened(_STORES, PluginSettings(type=_S3, settings=place), self._profile)
        except ConfigError as error:
            file = str(contract.files[0]) if contract.files else contract.name
            raise ContractError((Fault(file, 0, 0, f"quarantine.s3_bucket, s3_prefix: {error.message}", error.hint),)) from error

    def store(self, contract: Contract | None = None) -> QuarantineStore:
        """All places that are known, as one; what is put goes to the contract's, unless one of the others has it.

        Raises:
            ContractError: the contract names a place that can't be.
        """
        if contract:
            self.learn(contract)
        known = dict(self._stores)
        if not (self._homeless and self._stores):
            own = self._own_store()
            members = own.members if isinstance(own, Stores) else (own,)
            known = dict(zip(map(_key, self._fixed), members, strict=False)) | known
        place = self._place(contract) if contract else None
        first = known.pop(_key(place)) if place else None
        found = [first, *known.values()] if first is not None else [*known.values()]
        return Stores(found) if len(found) > 1 else found[0]

    def is_elsewhere(self, contract: Contract) -> bool:
        """Whether the contract's refused batches wait where the profile alone would not look."""
        place = self._place(contract)
        return place is not None and place not in self._fixed

    @property
    def _homeless(self) -> bool:
        """Whether the profile leaves the bucket to the contracts."""
        return self._profile.quarantine.type == _S3 and "bucket" not in self._fixed[0]

    def _place(self, contract: Contract) -> Mapping[str, Any] | None:
        """The settings of the place that the contract names; None if it names none."""
        own, said = self._profile.quarantine, contract.quarantine
        if own.type != _S3 or not (said.s3_bucket or said.s3_layout):
            return None
        wanted = {"bucket": said.s3_bucket, "prefix": said.s3_layout and said.s3_layout.strip("/")}
        return {**own.settings, **{key: value for key, value in wanted.items() if value}}

    def _placing(self, contract: Contract) -> Placing:
        return placing(contract, self._profile.target.type, self._profile.target.settings)


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), sort_keys=True, default=str)


def _opened(group: str, plugin: PluginSettings, profile: Profile) -> Any:
    return plugins.load(group, plugin.type)(plugin.settings, profile.base)
