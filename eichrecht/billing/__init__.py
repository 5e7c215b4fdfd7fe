"""From a verified transaction, session facts and a tariff snapshot to a priced, reconciled CDR."""
