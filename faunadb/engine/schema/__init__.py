"""The schema: the view in which queries look up names, and a module for each native collection.

view, items              what a query sees of the schema, and what is derived from its documents
native                   what all native collections have in common when their documents are written
databases ... roles      one native collection each; user_documents: documents of user collections
writers                  which of them writes which collection
fields, index_fields, role_names   checking the fields
protection, tasks        protected mode; work that a write leaves to the background
"""
