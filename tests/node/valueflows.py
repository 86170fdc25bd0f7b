"""Names of ValueFlows 1.0 that books are written in: classes, and where each property stands (all_vf.TTL)."""

from __future__ import annotations

AGENTS = {"Agent", "Person", "Organization", "EcologicalAgent"}
CLASSES = AGENTS | {
    "ResourceSpecification", "ProcessSpecification", "RecipeProcess", "RecipeFlow", "EconomicResource",
    "BatchLotRecord", "Process", "EconomicEvent", "Intent", "Proposal", "Commitment", "Agreement", "Claim",
    "SpatialThing", "Measure", "Unit",
}  # fmt: skip
DOMAINS = {
    "accountingQuantity": "EconomicResource",
    "action": "Claim Commitment EconomicEvent Intent RecipeFlow",
    "availableQuantity": "Intent",
    "batchLotCode": "BatchLotRecord",
    "clauseOf": "Commitment",
    "conformsTo": "EconomicResource",
    "containedIn": "EconomicResource",
    "created": "Agreement Claim Commitment EconomicEvent Proposal",
    "currentLocation": "EconomicResource",
    "defaultUnitOfResource": "ResourceSpecification",
    "due": "Claim Commitment Intent",
    "effortQuantity": "Claim Commitment EconomicEvent Intent RecipeFlow",
    "eligibleLocation": "Proposal",
    "expirationDate": "BatchLotRecord",
    "finished": "Claim Commitment Intent Process",
    "fulfills": "EconomicEvent",
    "hasBeginning": "Commitment EconomicEvent Intent Process Proposal",
    "hasEnd": "Commitment EconomicEvent Intent Process Proposal",
    "hasNumericalValue": "Measure",
    "hasPointInTime": "Commitment EconomicEvent Intent",
    "hasUnit": "Measure",
    "inScopeOf": "Process",
    "inputOf": "Commitment EconomicEvent Intent",
    "label": "Unit",
    "name": (
        "Agent Agreement EconomicResource Intent Process ProcessSpecification Proposal RecipeProcess "
        "ResourceSpecification SpatialThing"
    ),
    "ofBatchLot": "EconomicResource",
    "omUnitIdentifier": "Unit",
    "onhandQuantity": "EconomicResource",
    "outputOf": "Commitment EconomicEvent Intent",
    "primaryAccountable": "EconomicResource",
    "provider": "Claim Commitment EconomicEvent Intent",
    "publishes": "Proposal",
    "purpose": "Proposal",
    "realizationOf": "EconomicEvent",
    "receiver": "Claim Commitment EconomicEvent Intent",
    "recipeInputOf": "RecipeFlow",
    "recipeOutputOf": "RecipeFlow",
    "reciprocal": "Proposal",
    "resourceConformsTo": "Claim Commitment EconomicEvent Intent RecipeFlow",
    "resourceInventoriedAs": "Commitment EconomicEvent Intent",
    "resourceQuantity": "Claim Commitment EconomicEvent Intent RecipeFlow",
    "satisfies": "Commitment EconomicEvent",
    "settles": "EconomicEvent",
    "stage": "Commitment EconomicResource Intent RecipeFlow",
    "state": "Commitment EconomicEvent EconomicResource Intent RecipeFlow",
    "toLocation": "EconomicEvent",
    "toResourceInventoriedAs": "EconomicEvent",
    "triggeredBy": "Claim",
}
